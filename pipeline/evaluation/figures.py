"""Pictures for MLflow: how well models rank, whether probabilities mean what they say, how training went. No screen is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from models.classifier import Floats, Labels

SIZE = (5.0, 4.5)
BINS = 10


def roc(y: Labels, scores: Mapping[str, Floats]) -> Figure:
    """True against false positive rate of each named score (n,) for outcomes y (n,); ties are one step."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    for name, score in scores.items():
        false, true = _roc_points(y, score)
        axes.plot(false, true, label=name)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC", aspect="equal")
    axes.legend(loc="lower right")
    return figure


def calibration(y: Labels, probabilities: Mapping[str, Floats]) -> Figure:
    """Share of outcome 1 against the mean probability, in ten bins of equal size."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    for name, probability in probabilities.items():
        bins = np.array_split(np.argsort(probability, kind="stable"), min(BINS, len(y)))
        axes.plot([probability[chunk].mean() for chunk in bins], [y[chunk].mean() for chunk in bins], marker="o", label=name)
    axes.set(xlabel="mean probability", ylabel="share that came true", title="Calibration", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(loc="upper left")
    return figure


def learning_curve(curves: Mapping[str, Sequence[float]], step: str) -> Figure:
    """Loss after each iteration or epoch, counted from 1."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    for name, values in curves.items():
        axes.plot(np.arange(1, len(values) + 1), values, label=name)
    axes.set(xlabel=step, ylabel="log loss", title="Learning curve")
    axes.legend()
    return figure


def _roc_points(y: Labels, score: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(score[order])), len(y) - 1)
    true = np.append(0, np.cumsum(y[order])[last_of_tie])
    false = np.append(0, np.cumsum(1 - y[order])[last_of_tie])
    return false / max(false[-1], 1), true / max(true[-1], 1)
