"""How well models rank users: ROC, precision and recall, and what reaching out to the best-ranked users would bring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from models.classifier import Floats, Labels
from pipeline.evaluation.figures.canvas import FAINT, canvas, colored, legend, percent_axis, rows

DECILES = 10
STEADY = 0.02
"""Recall from which on precision rests on more than the few best-ranked users; the axis shows what comes after it."""


def roc(y: Labels, scores: Mapping[str, Floats]) -> Figure:
    """True against false positive rate of each named score (n,) for outcomes y (n,), both outcomes present; ties are one step."""
    figure, (panel,) = canvas(f"ROC – {rows(y)}")
    panel.plot([0, 1], [0, 1], color=FAINT, linestyle=":")
    for name, color in colored(scores):
        false, true, _ = roc_curve(y, scores[name])
        panel.plot(false, true, color=color, label=f"{name}: AUC {auc(false, true):.3f}")
    panel.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    legend(panel, "lower right")
    return figure


def precision_recall(y: Labels, scores: Mapping[str, Floats]) -> Figure:
    """Precision against recall; the dotted line is the share of outcome 1, which chance reaches."""
    figure, (panel,) = canvas(f"Precision and recall – {rows(y)}")
    panel.axhline(float(y.mean()), color=FAINT, linestyle=":")
    top = float(y.mean())
    for name, color in colored(scores):
        precision, recall = (values[:-1] for values in precision_recall_curve(y, scores[name], drop_intermediate=True)[:2])
        average = average_precision_score(y, scores[name])
        top = max(top, float(precision[recall >= STEADY].max()))
        panel.step(recall, precision, where="post", color=color, label=f"{name}: average precision {average:.3f}")
    panel.set(xlabel="recall: share of outcome 1 that is found", ylabel="precision: share of those found that have it")
    panel.set(xlim=(-0.01, 1.01), ylim=(0, min(1.02, 1.15 * top)))
    percent_axis(panel.xaxis, panel.yaxis)
    legend(panel, "upper right")
    return figure


def lift(y: Labels, scores: Mapping[str, Floats]) -> Figure:
    """Left: share of all outcomes 1 among the best-ranked users. Right: each decile's share of outcome 1 ÷ everybody's.

    Decile 1 has the highest scores; users with equal scores share their outcomes evenly.
    """
    figure, (gained, lifted) = canvas(f"Gain and lift – {rows(y)}", columns=2)
    gained.plot([0, 1], [0, 1], color=FAINT, linestyle=":")
    lifted.axhline(1, color=FAINT, linestyle=":")
    for name, color in colored(scores):
        reached = gain(y, scores[name])
        gained.plot(np.linspace(0, 1, DECILES + 1), reached, marker="o", markersize=4, color=color, label=name)
        lifted.plot(np.arange(1, DECILES + 1), np.diff(reached) * DECILES, marker="o", color=color, label=name)
    if len(scores) == 1:
        for decile, value in enumerate(np.diff(reached) * DECILES, 1):
            lifted.annotate(f"{value:.2f}", (decile, value), textcoords="offset points", xytext=(6, 6), fontsize=9)
    percent_axis(gained.xaxis, gained.yaxis)
    gained.set(xlabel="best-ranked users", ylabel="their part of all users with outcome 1", title="cumulative gain")
    lifted.set(xlabel="decile, 1 = most likely", ylabel="times the share of all users", title="lift", xticks=range(1, DECILES + 1))
    lifted.set_ylim(bottom=0)
    legend(gained, "lower right")
    return figure


def gain(y: Labels, score: Floats) -> Floats:
    """(11,) share of all outcomes 1 among the 0, 10, …, 100 % of users with the highest scores; a share of a tie counts as that share."""
    _, inverse, counts = np.unique(-score, return_inverse=True, return_counts=True)
    found = np.concatenate([[0.0], np.cumsum(np.bincount(inverse, weights=y))])
    users = np.concatenate([[0], np.cumsum(counts)])
    reached: Floats = np.interp(np.linspace(0, len(y), DECILES + 1), users, found) / max(found[-1], 1)
    return reached
