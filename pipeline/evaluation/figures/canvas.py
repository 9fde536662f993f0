"""The look that all pictures share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from scipy.special import logit

from models.classifier import Floats, Labels

INK, FAINT = "0.25", "0.75"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe & Ito's, which people who confuse red and green can tell apart."""
PER_INCH = 110
TICKS = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.999, 0.9999)


def canvas(title: str, columns: int = 1, lines: int = 1, *, size: tuple[float, float] = (6.4, 5.2)) -> tuple[Figure, list[Axes]]:
    """A figure with a title and panels, line by line, each of `size` inches."""
    figure = Figure(figsize=(size[0] * columns, size[1] * lines), dpi=PER_INCH, layout="constrained")
    figure.suptitle(title, color=INK, fontsize=12)
    panels = [figure.add_subplot(lines, columns, place + 1) for place in range(columns * lines)]
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="0.92", linewidth=0.8)
        panel.set_axisbelow(True)
    return figure, panels


def colored(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each name with its color; the eighth has the first's."""
    return ((name, COLORS[place % len(COLORS)]) for place, name in enumerate(names))


def rows(y: Labels) -> str:
    """How many users a picture is about, for its title."""
    return f"{len(y):,} users, {int(y.sum()):,} with outcome 1"


def legend(panel: Axes, place: str) -> None:
    """Names of the lines, small enough for seven models."""
    panel.legend(loc=place, fontsize=9, frameon=True, framealpha=0.9, edgecolor="0.9")


def percent(value: float) -> str:
    """`0.05` → "5 %"."""
    return f"{100 * value:.6g} %"


def percent_axis(*axes: Axis) -> None:
    """Ticks in percent on axes of shares."""
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda value, _place: percent(value)))


def log_odds_axis(axis: Axis, low: float, high: float) -> None:
    """Ticks in percent on an axis of log-odds that shows `low` to `high`, both probabilities."""
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axis.set_ticks(logit(np.array(ticks)), [percent(tick) for tick in ticks])


def on_log_odds(probability: Floats, low: float, high: float) -> Floats:
    """Log-odds of probabilities, those outside [low, high] moved to its ends."""
    inside: Floats = logit(np.clip(probability, low, high))
    return inside
