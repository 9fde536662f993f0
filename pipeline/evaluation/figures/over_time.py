"""How good the models have been, night by night: what they showed when they were judged, and what came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.figures.canvas import COLORS, FAINT, INK, canvas
from pipeline.evaluation.quality_history import Point
from pipeline.evaluation.report.words import sentence, title

ACROSS = 4
MOST = 12
"""Panels; further groups are left out."""
WIDE = 10.0


def over_time(points: Sequence[Point], users: Sequence[str], metric: str, level: float) -> Figure:
    """Figures `metric` of each of `users`, in panels that share their axes: hollow when judged, filled when they came true.

    points  at least one of the metric, oldest first; users without any are left out; level: what is marked by a dotted line
    """
    found = [point for point in points if point.metric == metric]
    shown = [each for each in users if any(point.users == each for point in found)][:MOST]
    colors = {version: COLORS[place % len(COLORS)] for place, version in enumerate(dict.fromkeys(point.version for point in found))}
    across = min(ACROSS, len(shown))
    figure, panels = canvas(f"{sentence(title(metric))} over time", across, ceil(len(shown) / across), size=(WIDE / across, 2.0))
    for panel, each in zip(panels, shown, strict=False):
        _draw(panel, [point for point in found if point.users == each], colors)
        panel.set_title("all users" if each == "all" else each, fontsize=9, color=INK)
        panel.axhline(level, color=FAINT, linestyle=":", linewidth=1)
    for panel in panels[len(shown) :]:
        panel.remove()
    _alike(panels[: len(shown)], across)
    kinds = [Line2D([], [], color="0.4", marker=mark, mfc=fill, linestyle="") for mark, fill in (("D", "white"), ("o", "0.4"))]
    lines = [Line2D([], [], color=color, linewidth=3) for color in colors.values()]
    names = ["when judged", "come true", *(f"version {version}" for version in colors)]
    figure.legend([*kinds, *lines], names, loc="outside lower center", ncols=min(len(names), 7), fontsize=9, frameon=False)
    return figure


def _draw(panel: Axes, points: Sequence[Point], colors: Mapping[str, str]) -> None:
    for version, color in colors.items():
        for basis, marker, fill, line in (("realised", "o", color, "-"), ("validation", "D", "white", "")):
            own = [point for point in points if (point.version, point.basis) == (version, basis)]
            days = [date2num(point.cutoff.instant) for point in own]
            known = [(day, *ends) for day, point in zip(days, own, strict=True) if (ends := _ends(point.estimate))]
            panel.vlines(*zip(*known, strict=True) if known else ([], [], []), color=color, alpha=0.35, linewidth=3)
            values = [point.estimate.value for point in own]
            panel.plot(days, values, marker=marker, markersize=5, linestyle=line, linewidth=1, color=color, mfc=fill, zorder=3)


def _ends(estimate: Estimate) -> tuple[float, float] | None:
    return None if estimate.lower is None or estimate.upper is None else (estimate.lower, estimate.upper)


def _alike(panels: Sequence[Axes], across: int) -> None:
    """The same axes on all panels, with days below the last of each column."""
    for name in ("xlim", "ylim"):
        ends = [getattr(panel, f"get_{name}")() for panel in panels]
        for panel in panels:
            getattr(panel, f"set_{name}")(min(low for low, _ in ends), max(high for _, high in ends))
    for place, panel in enumerate(panels):
        locator = AutoDateLocator(minticks=2, maxticks=5)
        panel.xaxis.set_major_locator(locator)
        panel.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        panel.xaxis.get_offset_text().set_fontsize(8)
        panel.tick_params(labelsize=8, labelbottom=place + across >= len(panels))
        panel.xaxis.get_offset_text().set_visible(place + across >= len(panels))
