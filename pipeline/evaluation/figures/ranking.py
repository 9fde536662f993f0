"""How well models rank users: ROC, precision and recall, and what reaching out to the best-ranked users would bring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from models.classifier import Floats, Labels
from pipeline.evaluation.figures.canvas import FAINT, canvas, colored, legend, percent_axis, rows
from pipeline.evaluation.figures.ranked import Ranked, thinned

DECILES = 10
STEADY = 0.02
"""Recall from which on precision rests on more than the few best-ranked users; the picture shows what comes after it."""


def roc(y: Labels, models: Mapping[str, Ranked]) -> Figure:
    """True against false positive rate of each named model for outcomes y (n,), both outcomes present; ties are one step."""
    figure, (panel,) = canvas(f"ROC – {rows(y)}")
    panel.plot([0, 1], [0, 1], color=FAINT, linestyle=":")
    for name, color in colored(models):
        found = models[name]
        panel.plot(*thinned(found.false_rate, found.true_rate), color=color, label=f"{name}: AUC {found.auc:.3f}")
    panel.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    legend(panel, "lower right")
    return figure


def precision_recall(y: Labels, models: Mapping[str, Ranked]) -> Figure:
    """Precision against recall; the dotted line is the share of outcome 1, which chance reaches.

    Users of equal score are found in any order: up to the first of a model's scores that finds enough, its precision is level.
    """
    figure, (panel,) = canvas(f"Precision and recall – {rows(y)}")
    panel.axhline(float(y.mean()), color=FAINT, linestyle=":")
    top = float(y.mean())
    for name, color in colored(models):
        found = models[name]
        steady = found.true_rate[1:] >= STEADY
        recall, precision = found.true_rate[1:][steady], found.precision[steady]
        recall, precision = np.concatenate([[STEADY], recall]), np.concatenate([precision[:1], precision])
        top = max(top, float(precision.max()))
        panel.plot(*thinned(recall, precision), color=color, label=f"{name}: average precision {found.average_precision:.3f}")
    panel.set(xlabel="recall: share of outcome 1 that is found", ylabel="precision: share of those found that have it")
    panel.set(xlim=(-0.01, 1.01), ylim=(0, min(1.02, 1.15 * top)))
    percent_axis(panel.xaxis, panel.yaxis)
    legend(panel, "upper right")
    return figure


def lift(y: Labels, models: Mapping[str, Ranked]) -> Figure:
    """Left: share of all outcomes 1 among the best-ranked users. Right: each decile's share of outcome 1 ÷ everybody's.

    Decile 1 has the highest scores; users with equal scores share their outcomes evenly.
    """
    figure, (gained, lifted) = canvas(f"Gain and lift – {rows(y)}", columns=2)
    gained.plot([0, 1], [0, 1], color=FAINT, linestyle=":")
    lifted.axhline(1, color=FAINT, linestyle=":")
    for name, color in colored(models):
        reached = gain(models[name])
        gained.plot(np.linspace(0, 1, DECILES + 1), reached, marker="o", markersize=4, color=color, label=name)
        lifted.plot(np.arange(1, DECILES + 1), np.diff(reached) * DECILES, marker="o", color=color, label=name)
    if len(models) == 1:
        for decile, value in enumerate(np.diff(reached) * DECILES, 1):
            lifted.annotate(f"{value:.2f}", (decile, value), textcoords="offset points", xytext=(6, 6), fontsize=9)
    percent_axis(gained.xaxis, gained.yaxis)
    gained.set(xlabel="best-ranked users", ylabel="their part of all users with outcome 1", title="cumulative gain")
    lifted.set(xlabel="decile, 1 = most likely", ylabel="times the share of all users", title="lift", xticks=range(1, DECILES + 1))
    lifted.set_ylim(bottom=0)
    legend(gained, "lower right")
    return figure


def gain(found: Ranked) -> Floats:
    """(11,) share of all outcomes 1 among the 0, 10, …, 100 % of users with the highest scores; a share of a tie counts as that share."""
    reached: Floats = np.interp(np.linspace(0, found.users[-1], DECILES + 1), found.users, found.found) / max(int(found.found[-1]), 1)
    return reached
