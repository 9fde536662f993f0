"""Whether probabilities mean what they say, and which probabilities there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

from models.classifier import Floats, Labels
from pipeline.evaluation.figures.canvas import COLORS, FAINT, canvas, colored, legend, log_odds_axis, on_log_odds, percent_axis, rows

BINS = 10
BARS = 50


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

    Left on the usual scale, right on that of log-odds, where rare outcomes can be told apart too; a share of 0 lies on its lower edge.
    """
    figure, (plain, wide) = canvas(f"Calibration – {rows(y)}, {len(y) // min(BINS, len(y)):,} in each bin", columns=2)
    found = {name: binned(y, probability) for name, probability in probabilities.items()}
    top = min(1.0, 1.04 * max(max(bins.high.max(), bins.share.max()) for bins in found.values()))
    low = max(1e-5, min(np.concatenate([bins.mean, bins.share[bins.share > 0]]).min() for bins in found.values()) / 2)
    high = 1 - max(1e-5, (1 - top) / 2)
    ends = on_log_odds(np.array([0.0, 1.0]), low, high)
    for panel, line in ((plain, np.array([0.0, top])), (wide, ends)):
        panel.plot(line, line, color=FAINT, linestyle=":")
    for name, color in colored(found):
        bins = found[name]
        _points(plain, bins, name, color)
        _points(wide, Bins(*(on_log_odds(values, low, high) for values in bins)), name, color)
    percent_axis(plain.xaxis, plain.yaxis)
    for axis in (wide.xaxis, wide.yaxis):
        log_odds_axis(axis, low, high)
    plain.set(xlabel="mean probability", ylabel="share that came true", xlim=(0, top), ylim=(0, top), aspect="equal")
    wide.set(xlabel="mean probability (log-odds scale)", ylabel="share that came true (log-odds scale)", aspect="equal")
    legend(plain, "upper left")
    return figure


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
