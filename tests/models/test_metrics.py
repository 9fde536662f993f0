from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from models.metrics import auc, auc_interval, average_precision, brier, delong, gini, log_loss, mae, paired_auc, rmse

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


def test_paired_difference_by_hand() -> None:
    other = np.array([2.0, 1.0, 2.0, 1.0, 1.0])  # V10: 2.5/3, 1/3; V01: 1/4, 3/4, 3/4
    ones = np.array([1 - 2.5 / 3, 0.5 - 1 / 3])
    zeros = np.array([1 - 0.25, 0.5 - 0.75, 0.75 - 0.75])
    half = norm.ppf(0.975) * (ones.var(ddof=1) / 2 + zeros.var(ddof=1) / 3) ** 0.5
    difference = ones.mean()
    assert paired_auc(Y, SCORE, other) == pytest.approx((difference, difference - half, difference + half))


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
    for interval, bootstrap in ((auc_interval(y, score), areas), (paired_auc(y, score, other), differences)):
        deviation = (interval.upper - interval.lower) / 2 / norm.ppf(0.975)
        assert deviation == pytest.approx(bootstrap.std(), rel=0.12)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth = norm.cdf(1 / (2 * 2) ** 0.5)  # two scores, normal with variance 2, one unit apart
    covered = [interval.lower <= truth <= interval.upper for interval in (auc_interval(*drawn(seed)[:2]) for seed in range(300))]
    assert 0.91 <= np.mean(covered) <= 0.985


def test_a_model_differs_from_itself_by_exactly_nothing() -> None:
    y, score, _ = drawn(3)
    assert paired_auc(y, score, 2 * score + 1) == (0, 0, 0)


def test_pairing_narrows_the_interval_of_alike_models() -> None:
    y, score, other = drawn(4)
    single = auc_interval(y, score)
    paired = paired_auc(y, score, other)
    assert paired.upper - paired.lower < single.upper - single.lower


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


AMOUNT = np.array([0.0, 0.0, 10.0, 30.0])


def test_errors_of_amounts_by_hand() -> None:
    expected = np.array([1.0, 0.0, 14.0, 25.0])
    assert mae(AMOUNT, expected) == pytest.approx(10 / 4)
    assert rmse(AMOUNT, expected) == pytest.approx((42 / 4) ** 0.5)


def lorenz_area(amount: np.ndarray, order: np.ndarray) -> float:
    """Area between the diagonal and the Lorenz curve of amounts in this order, by trapezoids."""
    reached = np.concatenate([[0], np.cumsum(amount[order])]) / amount.sum()
    return 0.5 - np.trapezoid(reached, dx=1 / len(amount))


def test_gini_is_the_lorenz_area_of_the_order_against_that_of_the_amounts() -> None:
    # Order by expected: 10, 0, 30, 0. Shares reached: 0, 1/4, 1/4, 1, 1 → area under the curve (1/8 + 1/4 + 5/8 + 1) / 4 = 1/2.
    assert gini(AMOUNT, np.array([2.0, 4.0, 1.0, 3.0])) == pytest.approx(0)
    random = np.random.default_rng(6)
    amount, expected = random.gamma(0.5, 20, 500), random.permutation(500).astype(np.float64)
    ratio = lorenz_area(amount, np.argsort(expected)) / lorenz_area(amount, np.argsort(amount))
    assert gini(amount, expected) == pytest.approx(ratio)


def test_gini_of_the_perfect_order_its_reverse_and_none() -> None:
    amount = np.array([1.0, 2.0, 3.0, 50.0])
    assert gini(amount, amount**2) == pytest.approx(1)
    assert gini(amount, -amount) == pytest.approx(-1)
    assert gini(amount, np.full(4, 7.0)) == pytest.approx(0)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), min_size=2, max_size=30))
def test_gini_lies_between_the_reverse_and_the_perfect_order_and_ignores_the_rows_order(users: list[tuple[int, int]]) -> None:
    amount, expected = np.array(users, dtype=np.float64).T
    if len(set(amount)) > 1:
        found = gini(amount, expected)
        assert -1 - 1e-9 <= found <= 1 + 1e-9
        assert gini(amount[::-1], expected[::-1]) == pytest.approx(found, abs=1e-9)


def test_amounts_without_an_order_are_refused_by_gini_alone() -> None:
    with pytest.raises(ValueError, match="All 3 amounts are 0"):
        gini(np.zeros(3), np.arange(3.0))
    assert mae(np.zeros(3), np.arange(3.0)) == 1


@pytest.mark.parametrize("function", [mae, rmse, gini])
@pytest.mark.parametrize(
    ("expected", "said"), [([1.0, 2.0], "4 amounts but 2"), ([1.0, 2.0, np.nan, 1.0], "finite"), ([1.0, 2.0, np.inf, 1.0], "finite")]
)
def test_amounts_that_cannot_be_compared_are_refused(function, expected: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        function(AMOUNT, np.array(expected))


def test_no_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="No amounts"):
        mae(np.zeros(0), np.zeros(0))
