"""How good a score is, with the interval that a decision needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from models.classifier import Floats, Labels


class Interval(NamedTuple):
    """An estimate with the lower and upper end of its confidence interval."""

    value: float
    lower: float
    upper: float


def auc(y: Labels, score: Floats) -> float:
    """Probability that a random user with outcome 1 scores above a random one with outcome 0; ties count one half.

    y (n,) 0/1, score (n,) finite, any monotone scale. Raises ValueError when only one outcome is present.
    """
    return float(_placements(y, score[None, :], least=1)[0][0].mean())


def auc_interval(y: Labels, score: Floats, level: float = 0.95) -> Interval:
    """AUC with its DeLong interval, clipped to [0, 1]. Needs two users of each outcome."""
    areas, covariance = delong(y, score[None, :])
    interval = _normal(float(areas[0]), float(covariance[0, 0]), level)
    return Interval(interval.value, max(interval.lower, 0.0), min(interval.upper, 1.0))


def delong(y: Labels, scores: Floats) -> tuple[Floats, Floats]:
    """(k,) areas under the ROC curves of scores (k, n) of the same users, and the areas' (k, k) covariance, in O(k n log n + k² n).

    y (n,) 0/1, scores finite, any monotone scales; ties count one half. Needs two users of each outcome, else ValueError.
    Source: DeLong, DeLong & Clarke-Pearson 1988; the midrank form of Sun & Xu 2014, "Fast implementation of DeLong's
    algorithm for comparing the areas under correlated receiver operating characteristic curves".
    """
    ones, zeros = _placements(y, scores, least=2)
    covariance = np.atleast_2d(np.cov(ones)) / ones.shape[1] + np.atleast_2d(np.cov(zeros)) / zeros.shape[1]
    return ones.mean(axis=1), covariance


def average_precision(y: Labels, score: Floats) -> float:
    """Area under the precision–recall steps; the share of outcome 1 is what chance reaches."""
    _refuse(y, score, least=1)
    return float(average_precision_score(y, score))


def log_loss(y: Labels, probability: Floats) -> float:
    """Mean negative log-likelihood, natural logarithm. One outcome is enough; raises ValueError without users."""
    _refuse(y, probability, least=0)
    return float(sklearn_log_loss(y, probability, labels=[0, 1]))


def brier(y: Labels, probability: Floats) -> float:
    """Mean squared difference between probability and outcome. One outcome is enough; raises ValueError without users."""
    _refuse(y, probability, least=0)
    return float(brier_score_loss(y, probability, pos_label=1))


def _placements(y: Labels, scores: Floats, *, least: int) -> tuple[Floats, Floats]:
    """For each user with outcome 1 the share of zeros below, (k, n₁); for each with outcome 0 the share of ones above, (k, n₀)."""
    _refuse(y, scores, least=least)
    one = y == 1
    places = np.stack([_places(one, score) for score in scores])
    return places[:, one], places[:, ~one]


def _places(one: npt.NDArray[np.bool_], score: Floats) -> Floats:
    """(n,) for each user the share of those with the other outcome that are on the right side; ties count one half.

    One sort serves both outcomes: the midranks of Sun & Xu are sums of the counts before and behind a run of equal scores.
    """
    order = np.argsort(score)
    ascending, outcome = score[order], one[order]
    starts = np.concatenate([[0], np.flatnonzero(ascending[1:] != ascending[:-1]) + 1, [len(score)]])
    ones = np.concatenate([[0], np.cumsum(outcome)])[starts]
    zeros = starts - ones
    below = np.repeat((zeros[1:] + zeros[:-1]) / (2 * zeros[-1]), np.diff(starts))
    above = np.repeat(1 - (ones[1:] + ones[:-1]) / (2 * ones[-1]), np.diff(starts))
    places = np.empty(len(score))
    places[order] = np.where(outcome, below, above)
    return places


def _normal(value: float, variance: float, level: float) -> Interval:
    half = float(norm.ppf(0.5 + level / 2)) * max(variance, 0.0) ** 0.5
    return Interval(value, value - half, value + half)


def _refuse(y: Labels, score: Floats, *, least: int) -> None:
    """Raises ValueError for scores that do not fit the outcomes, without users, and for fewer than `least` of an outcome."""
    if score.shape[-1] != len(y):
        raise ValueError(f"{len(y)} outcomes but {score.shape[-1]} scores")
    if len(y) == 0:
        raise ValueError("No outcomes to compare with")
    if not np.isfinite(score).all():
        raise ValueError("Scores must be finite; a missing score belongs to a refused user")
    for outcome in (0, 1):
        found = int((y == outcome).sum())
        if found < least:
            raise ValueError(f"{found} of {len(y)} users have outcome {outcome}; at least {least} needed")
