"""How good a score is, with the interval that a decision needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata
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


def paired_auc(y: Labels, score: Floats, other: Floats, level: float = 0.95) -> Interval:
    """AUC of `score` − AUC of `other` on the same users, with the DeLong interval of that difference.

    The scores' covariance is part of it, so two alike models give a much narrower interval than two separate ones would.
    """
    areas, covariance = delong(y, np.stack([score, other]))
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return _normal(float(areas[0] - areas[1]), variance, level)


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


def mae(amount: Floats, expected: Floats) -> float:
    """Mean absolute difference between amount and expected amount, (n,) each, in their unit."""
    _refuse_amounts(amount, expected)
    return float(np.abs(amount - expected).mean())


def rmse(amount: Floats, expected: Floats) -> float:
    """Root of the mean squared difference between amount and expected amount, (n,) each, in their unit."""
    _refuse_amounts(amount, expected)
    return float(np.square(amount - expected).mean() ** 0.5)


def gini(amount: Floats, expected: Floats) -> float:
    """How well the expected amount orders users by what they spend: 1 for the perfect order, 0 for chance, −1 for the reverse.

    amount, expected (n,). The area between the Lorenz curve of the amounts, users in order of `expected`, and the diagonal, divided by
    the same area in order of the amounts themselves: cov(amount, rank of expected) / cov(amount, rank of amount). Users of equal
    `expected` share their mean rank, so their order does not matter. Raises ValueError where all amounts are equal: there is no order.
    Source: Lerman & Yitzhaki 1984, "A note on the calculation and interpretation of the Gini index"; Frees, Meyers & Cummings 2011,
    "Summarizing insurance scores using a Gini index".
    """
    _refuse_amounts(amount, expected)
    if (amount == amount[0]).all():
        raise ValueError(f"All {len(amount)} amounts are {amount[0]:g}; an order of users needs two different ones")
    apart = amount - amount.mean()
    return float(apart @ rankdata(expected) / (apart @ rankdata(amount)))


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


def _refuse_amounts(amount: Floats, expected: Floats) -> None:
    if len(amount) != len(expected):
        raise ValueError(f"{len(amount)} amounts but {len(expected)} expected ones")
    if len(amount) == 0:
        raise ValueError("No amounts to compare")
    if not (np.isfinite(amount).all() and np.isfinite(expected).all()):
        raise ValueError("Amounts and expected amounts must be finite; a missing score belongs to a refused user")
