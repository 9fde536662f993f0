"""Every figure of one model on one sample, by scikit-learn and plain loops: what the fast way must agree with."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    precision_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

from models.calibration import expected_calibration_error
from models.metrics import delong


def figures(y: np.ndarray, raw: np.ndarray, probability: np.ndarray, weights: np.ndarray, reach: float) -> dict[str, float]:
    """weights (n,) whole numbers, with which both outcomes are present."""
    again = np.repeat(np.arange(len(y)), weights)
    found = [0.0, *(float((taken(raw, weights, tenth / 10) * weights) @ y / (weights @ y)) for tenth in range(1, 10)), 1.0]
    return {
        "auc": roc_auc_score(y, raw, sample_weight=weights),
        "average_precision": average_precision_score(y, raw, sample_weight=weights),
        "log_loss": log_loss(y, probability, sample_weight=weights, labels=[0, 1]),
        "brier": brier_score_loss(y, probability, sample_weight=weights),
        "ece": expected_calibration_error(y[again], probability[again]),
        **_at_the_operating_point(y, raw, weights, reach),
        **{f"lift_decile_{tenth}": 10 * (found[tenth] - found[tenth - 1]) for tenth in range(1, 11)},
        **{f"gain_decile_{tenth}": found[tenth] for tenth in range(1, 10)},
    }


def gini(amounts: np.ndarray, expected: np.ndarray) -> float:
    """Area between the Lorenz curve in order of `expected` and the diagonal, over that in order of the amounts; ties share their rank."""
    apart = amounts - amounts.mean()
    return float(apart @ rankdata(expected) / (apart @ rankdata(amounts)))


def paired_auc(y: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """AUC of `one` − AUC of `other` with DeLong's interval."""
    (first, second), covariance = delong(y, np.stack([one, other]))
    half = norm.ppf(0.975) * max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0) ** 0.5
    return first - second, first - second - half, first - second + half


def figures_of_amounts(amounts: np.ndarray, expected: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """weights (n,) whole numbers, with which two different amounts are present; amounts 0 or more."""
    again = np.repeat(np.arange(len(amounts)), weights)
    return {
        "mae": mean_absolute_error(amounts, expected, sample_weight=weights),
        "rmse": root_mean_squared_error(amounts, expected, sample_weight=weights),
        "gini": gini(amounts[again], expected[again]),
        "total_ratio": float(weights @ expected / (weights @ amounts)),
    }


def taken(raw: np.ndarray, weights: np.ndarray, reach: float) -> np.ndarray:
    """(n,) the share of each user who is among the best-ranked `reach` of the sample, one level of the score after the other."""
    left, part = reach * weights.sum(), np.zeros(len(raw))
    for level in np.unique(raw)[::-1]:
        tied = raw == level
        if users := weights[tied].sum():
            part[tied] = min(1.0, max(0.0, left / users))
            left -= users
    return part


def _at_the_operating_point(y: np.ndarray, raw: np.ndarray, weights: np.ndarray, reach: float) -> dict[str, float]:
    """Each user once as taken and once as left, with the weight of either part."""
    part = taken(raw, weights, reach)
    twice, said = np.concatenate([y, y]), np.repeat([1, 0], len(y))
    weight = np.concatenate([part * weights, (1 - part) * weights])
    scores = {"accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f1": f1_score}
    return {name: score(twice, said, sample_weight=weight) for name, score in scores.items()}
