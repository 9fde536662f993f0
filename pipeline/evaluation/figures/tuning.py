"""How the search for better parameters went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.figures.canvas import COLORS, FAINT, canvas, legend


def tuning_history(numbers: Sequence[int], losses: Sequence[float]) -> Figure:
    """Mean held-out log loss of complete trials, in order, and the least so far; the first are the parameters as configured."""
    figure, (panel,) = canvas(f"Tuning: {len(losses)} complete trials", size=(8.0, 4.6))
    panel.axhline(losses[0], color=FAINT, linestyle="--", label="as configured")
    panel.plot(numbers, losses, marker="o", linestyle="", color=COLORS[0], label="trial")
    panel.step(numbers, np.minimum.accumulate(losses), where="post", color=COLORS[1], label="least so far")
    panel.set(xlabel="trial", ylabel="log loss of later rows")
    legend(panel, "upper right")
    return figure
