from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from models.metrics import auc, auc_interval, average_precision, brier, delong, log_loss

# Scores of ones: 3 1.5; of zeros: 1 2 1.5.
#   3   beats all three zeros            V10 = 1
#   1.5 beats 1, ties 1.5, loses to 2    V10 = 1.5 / 3
#   zero 1   is beaten by both           V01 = 1
#   zero 2   is beaten by 3              V01 = 1 / 2
#   zero 1.5 is beaten by 3, ties        V01 = 1.5 / 2
Y = np.array([1, 1, 0, 0, 0], dtype=np.int8)
SCORE = np.array([3.0, 1.5, 1.0, 2.0, 1.5])
AREA = 0.75
VARIANCE = 0.125 / 2 + 0.0625 / 3


def drawn(seed: int, users: int = 400, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = (random.random(users) < 0.3).astype(np.int8)
    shared = random.normal(size=users) + shift * y
    return y, shared + random.normal(size=users), shared + 0.5 * random.normal(size=users)


def test_auc_counts_a_tie_as_one_half() -> None:
    assert auc(Y, SCORE) == pytest.approx(AREA)


def test_delong_interval_by_hand() -> None:
    value, lower, upper = auc_interval(Y, SCORE, level=0.5)
    half = norm.ppf(0.75) * VARIANCE**0.5
    assert (value, lower, upper) == pytest.approx((AREA, AREA - half, AREA + half))


def test_interval_stays_within_0_and_1() -> None:
    assert auc_interval(Y, SCORE) == (AREA, pytest.approx(AREA - norm.ppf(0.975) * VARIANCE**0.5), 1.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_auc_equals_sklearn(users: list[tuple[bool, int]]) -> None:
    y = np.array([outcome for outcome, _ in users], dtype=np.int8)
    score = np.array([value for _, value in users], dtype=np.float64)
    if len(set(y)) == 2:
        assert auc(y, score) == pytest.approx(roc_auc_score(y, score))


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(-1, 1)), min_size=4, max_size=30))
def test_delong_is_the_covariance_of_the_shares_that_a_plain_loop_counts(users: list[tuple[bool, int, int]]) -> None:
    y, first, second = np.array(users, dtype=np.float64).T
    ones, zeros = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    if min(len(ones), len(zeros)) < 2:
        return
    wins = np.array(
        [[[(score[one] > score[zero]) + 0.5 * (score[one] == score[zero]) for zero in zeros] for one in ones] for score in (first, second)]
    )
    areas, covariance = delong(y.astype(np.int8), np.stack([first, second]))
    assert areas == pytest.approx(wins.mean(axis=(1, 2)))
    wanted = np.cov(wins.mean(axis=2)) / len(ones) + np.cov(wins.mean(axis=1)) / len(zeros)
    assert covariance.ravel() == pytest.approx(wanted.ravel(), abs=1e-12)


def test_delong_agrees_with_the_bootstrap() -> None:
    y, score, other = drawn(1)
    random = np.random.default_rng(2)
    draws = [random.integers(0, len(y), len(y)) for _ in range(600)]
    areas = np.array([auc(y[draw], score[draw]) for draw in draws])
    differences = np.array([auc(y[draw], score[draw]) - auc(y[draw], other[draw]) for draw in draws])
    _, covariance = delong(y, np.stack([score, other]))
    assert covariance[0, 0] ** 0.5 == pytest.approx(areas.std(), rel=0.12)
    apart = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert apart**0.5 == pytest.approx(differences.std(), rel=0.12)
    assert apart < covariance[0, 0], "one model's users are the other's, too"


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth = norm.cdf(1 / (2 * 2) ** 0.5)  # two scores, normal with variance 2, one unit apart
    covered = [interval.lower <= truth <= interval.upper for interval in (auc_interval(*drawn(seed)[:2]) for seed in range(300))]
    assert 0.91 <= np.mean(covered) <= 0.985


@pytest.mark.parametrize("function", [auc, auc_interval, average_precision])
@pytest.mark.parametrize("outcome", [0, 1])
def test_the_missing_outcome_is_named(function, outcome: int) -> None:
    with pytest.raises(ValueError, match=f"outcome {1 - outcome}"):
        function(np.full(5, outcome, dtype=np.int8), np.linspace(0.1, 0.9, 5))


def test_an_interval_needs_two_of_each_outcome() -> None:
    with pytest.raises(ValueError, match="1 of 3 users have outcome 1; at least 2"):
        auc_interval(np.array([1, 0, 0], dtype=np.int8), np.arange(3.0))


def test_missing_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        auc(Y, np.where(Y == 1, np.nan, SCORE))


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="5 outcomes but 4 scores"):
        auc(Y, SCORE[:4])


def test_probability_metrics_by_hand() -> None:
    y, probability = np.array([1, 0], dtype=np.int8), np.array([0.8, 0.4])
    assert log_loss(y, probability) == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert brier(y, probability) == pytest.approx((0.04 + 0.16) / 2)
    assert average_precision(np.array([1, 0, 1], dtype=np.int8), np.array([0.9, 0.5, 0.1])) == pytest.approx((1 + 2 / 3) / 2)


def test_probabilities_can_be_held_against_one_outcome_alone() -> None:
    never, always = np.zeros(2, dtype=np.int8), np.ones(1, dtype=np.int8)
    assert log_loss(never, np.array([0.2, 0.4])) == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert brier(never, np.array([0.2, 0.4])) == pytest.approx((0.04 + 0.16) / 2)
    assert log_loss(always, np.array([0.2])) == pytest.approx(-np.log(0.2))
    assert brier(always, np.array([0.2])) == pytest.approx(0.64)


@pytest.mark.parametrize("function", [auc, auc_interval, average_precision, log_loss, brier])
def test_without_users_there_is_no_figure(function) -> None:
    with pytest.raises(ValueError, match="No outcomes"):
        function(np.zeros(0, dtype=np.int8), np.zeros(0))
