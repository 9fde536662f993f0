"""What a test sees of a picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure


def line(figure: Figure, label: str, panel: int = 0) -> np.ndarray:
    """(n, 2) points of the line whose label begins so."""
    (found,) = [each for each in figure.axes[panel].get_lines() if str(each.get_label()).startswith(label)]
    return np.asarray(found.get_xydata())
