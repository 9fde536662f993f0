"""Whether probabilities mean what they say, and which probabilities there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

from models.classifier import Floats, Labels
from pipeline.evaluation.figures.canvas import COLORS, FAINT, canvas, colored, legend, log_odds_axis, on_log_odds, percent_axis, rows

BINS = 10
BARS = 50
ACROSS = 3


class Bins(NamedTuple):
    """Users in order of probability, in bins of equal size.

    mean, share  (B,) mean probability, and share of outcome 1
    low, high    (B,) what that share would lie between in 95 of 100 samples if the probabilities were right
    """

    mean: Floats
    share: Floats
    low: Floats
    high: Floats


def binned(y: Labels, probability: Floats) -> Bins:
    """Ten bins, fewer where there are fewer users; the band is that of a binomial count at the bin's mean probability.

    Users of equal probability keep the order they come in, which says nothing about their outcomes.
    """
    chunks = np.array_split(np.argsort(probability, kind="stable"), min(BINS, len(y)))
    sizes = np.array([len(chunk) for chunk in chunks])
    mean, share = (np.array([values[chunk].mean() for chunk in chunks]) for values in (probability, y))
    low, high = (binom.ppf(end, sizes, mean) / sizes for end in (0.025, 0.975))
    return Bins(mean, share, low, high)


def calibration(y: Labels, probabilities: Mapping[str, Floats]) -> Figure:
    """Share of outcome 1 against the mean probability, in ten bins of equal size; a bar shows where a calibrated model's point would lie.

    One model is shown on the usual scale and on that of log-odds, where rare outcomes can be told apart too; several have a panel of
    log-odds each. A share of 0 lies on its lower edge.
    """
    found = {name: binned(y, probability) for name, probability in probabilities.items()}
    alone = len(found) == 1
    columns = 2 if alone else ACROSS
    lines, size = ceil(len(found) / columns), (6.4, 5.2) if alone else (3.4, 3.4)
    figure, panels = canvas(f"Calibration – {rows(y)}, {len(y) // min(BINS, len(y)):,} in each bin", columns, lines, size=size)
    low, high = _reach(found.values())
    if alone:
        _usual(panels.pop(0), *found.items())
    for panel, ((name, bins), (_, color)) in zip(panels, zip(found.items(), colored(found), strict=True), strict=False):
        _diagonal(panel, on_log_odds(np.array([0.0, 1.0]), low, high))
        _points(panel, Bins(*(on_log_odds(values, low, high) for values in bins)), name, color)
        for axis in (panel.xaxis, panel.yaxis):
            log_odds_axis(axis, low, high)
        panel.set_title("" if alone else name, fontsize=10)
    for panel in panels[len(found) :]:
        panel.remove()
    figure.supxlabel("mean probability (log-odds scale)" if not alone else "mean probability (right: log-odds scale)", fontsize=10)
    figure.supylabel("share that came true", fontsize=10)
    return figure


def _reach(found: Iterable[Bins]) -> tuple[float, float]:
    """The lowest and the highest probability that a picture of all of them shows."""
    every = list(found)
    top = min(1.0, 1.04 * max(max(bins.high.max(), bins.share.max()) for bins in every))
    low = min(np.concatenate([bins.mean, bins.share[bins.share > 0]]).min() for bins in every)
    return max(1e-5, float(low) / 2), 1 - max(1e-5, (1 - top) / 2)


def _usual(panel: Axes, only: tuple[str, Bins]) -> None:
    name, bins = only
    top = min(1.0, 1.04 * float(max(bins.high.max(), bins.share.max())))
    _diagonal(panel, np.array([0.0, top]))
    _points(panel, bins, name, COLORS[0])
    percent_axis(panel.xaxis, panel.yaxis)
    panel.set(xlim=(0, top), ylim=(0, top))
    legend(panel, "upper left")


def _diagonal(panel: Axes, ends: Floats) -> None:
    panel.plot(ends, ends, color=FAINT, linestyle=":")
    panel.set_aspect("equal")


def scores(y: Labels, probabilities: Mapping[str, Floats]) -> Figure:
    """Which probabilities users get, by outcome, one panel for each model, on the scale of log-odds."""
    size = (8.0, 4.6) if len(probabilities) == 1 else (8.0, 1.5)
    figure, panels = canvas(f"Scores – {rows(y)}", lines=len(probabilities), size=size)
    every = np.concatenate(list(probabilities.values()))
    low, high = max(1e-5, float(every.min())) / 1.2, 1 - max(1e-5, 1 - float(every.max())) / 1.2
    first, last = on_log_odds(np.array([0.0, 1.0]), low, high)
    edges = np.linspace(first, last, BARS + 1).tolist()
    for panel, (name, probability) in zip(panels, probabilities.items(), strict=True):
        for outcome in (0, 1):
            values = on_log_odds(probability[y == outcome], low, high)
            weights = np.full(len(values), 1 / max(len(values), 1))
            label, color = f"outcome {outcome}", COLORS[outcome]
            panel.hist(values, edges, weights=weights, histtype="stepfilled", alpha=0.35, color=color, label=label)
        log_odds_axis(panel.xaxis, low, high)
        percent_axis(panel.yaxis)
        panel.set_ylabel(name)
        panel.tick_params(labelbottom=panel is panels[-1])
    panels[-1].set_xlabel("probability, log-odds scale; heights are shares of the users with that outcome")
    legend(panels[0], "upper right")
    return figure


def _points(panel: Axes, bins: Bins, name: str, color: str) -> None:
    panel.vlines(bins.mean, bins.low, bins.high, color=color, alpha=0.25, linewidth=6)
    panel.plot(bins.mean, bins.share, color=color, linewidth=1, marker="o", markersize=5, label=name)
