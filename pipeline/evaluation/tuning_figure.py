"""How the search for better parameters went, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.figures.canvas import canvas


def tuning_history(numbers: Sequence[int], losses: Sequence[float]) -> Figure:
    """Mean held-out log loss of complete trials, in order, and the least so far; the first are the parameters as configured."""
    figure, (axes,) = canvas("Tuning")
    axes.axhline(losses[0], color="0.7", linestyle=":", label="as configured")
    axes.plot(numbers, losses, marker="o", linestyle="", label="trial")
    axes.step(numbers, np.minimum.accumulate(losses), where="post", label="least so far")
    axes.set(xlabel="trial", ylabel="held-out log loss")
    axes.legend()
    return figure
