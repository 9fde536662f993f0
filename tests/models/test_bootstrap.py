from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.metrics import log_loss as sklearn_log_loss

from models import bootstrap, poisson_weights
from models.calibration import expected_calibration_error

REACH = 0.3


def taken(raw: np.ndarray, weights: np.ndarray, reach: float) -> np.ndarray:
    """(n,) the share of each user who is among the best-ranked `reach` of the sample, one level of the score after the other."""
    left, part = reach * weights.sum(), np.zeros(len(raw))
    for level in np.unique(raw)[::-1]:
        tied = raw == level
        users = weights[tied].sum()
        if users:
            part[tied] = min(1.0, max(0.0, left / users))
            left -= users
    return part


def at_the_operating_point(y: np.ndarray, raw: np.ndarray, weights: np.ndarray, reach: float) -> dict[str, float]:
    """scikit-learn's figures, each user once as taken and once as left, with the weight of either part."""
    part = taken(raw, weights, reach)
    twice, said = np.concatenate([y, y]), np.repeat([1, 0], len(y))
    weight = np.concatenate([part * weights, (1 - part) * weights])
    scores = {"accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f1": f1_score}
    return {name: score(twice, said, sample_weight=weight) for name, score in scores.items()}


def plain(y: np.ndarray, raw: np.ndarray, probability: np.ndarray, weights: np.ndarray, reach: float) -> dict[str, float]:
    """The figures of one model on one sample that holds both outcomes, as scikit-learn has them."""
    again = np.repeat(np.arange(len(y)), weights)
    found = [0.0, *(float((taken(raw, weights, tenth / 10) * weights) @ y / (weights @ y)) for tenth in range(1, 10)), 1.0]
    return {
        "auc": roc_auc_score(y, raw, sample_weight=weights),
        "average_precision": average_precision_score(y, raw, sample_weight=weights),
        "log_loss": sklearn_log_loss(y, probability, sample_weight=weights, labels=[0, 1]),
        "brier": brier_score_loss(y, probability, sample_weight=weights),
        "ece": expected_calibration_error(y[again], probability[again]),
        **at_the_operating_point(y, raw, weights, reach),
        **{f"lift_decile_{tenth}": 10 * (found[tenth] - found[tenth - 1]) for tenth in range(1, 11)},
        **{f"gain_decile_{tenth}": found[tenth] for tenth in range(1, 10)},
    }


def users(seed: int, rows: int, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, and two models' log-odds and probabilities; scores on so many levels, 0: no ties."""
    random = np.random.default_rng(seed)
    y = (random.random(rows) < 0.4).astype(np.int8)
    raw = random.normal(size=(2, rows)) + y
    if levels:
        raw = np.round(raw * levels / 4) * 4 / levels
    probability = 1 / (1 + np.exp(-raw[::-1]))
    return y, raw, probability


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**20), rows=st.integers(2, 700), levels=st.sampled_from([0, 1, 3, 30]), reach=st.floats(0.01, 0.99))
def test_replicates_are_scikit_learns_figures_on_the_same_samples(seed: int, rows: int, levels: int, reach: float) -> None:
    y, raw, probability = users(seed, rows, levels)
    if len(set(y)) < 2:
        return
    found = bootstrap.replicates(y, raw, probability, reach=reach, count=3, seed=seed)
    weights = poisson_weights.draw(poisson_weights.keys(seed, 3), rows)
    for model in range(2):
        for sample in range(3):
            weight = weights[:, sample].astype(np.int64)
            if weight @ y and weight @ (1 - y):
                wanted = plain(y, raw[model], probability[model], weight, reach)
                got = {name: values[model, sample] for name, values in found.items()}
                assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**20), rows=st.integers(2, 700), levels=st.sampled_from([0, 1, 3, 30]), reach=st.floats(0.01, 0.99))
def test_points_are_scikit_learns_figures(seed: int, rows: int, levels: int, reach: float) -> None:
    y, raw, probability = users(seed, rows, levels)
    if len(set(y)) < 2:
        return
    found = bootstrap.points(y, raw, probability, reach=reach)
    for model in range(2):
        wanted = plain(y, raw[model], probability[model], np.ones(rows, dtype=np.int64), reach)
        assert {name: values[model] for name, values in found.items()} == pytest.approx(wanted, rel=1e-9, abs=1e-9)
