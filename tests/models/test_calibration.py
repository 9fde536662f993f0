from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from models.calibration import (
    FOLDS,
    IDENTITY,
    LEAST_OF_EACH,
    MANY_USERS,
    Calibrator,
    calibration_bound,
    choose,
    expected_calibration_error,
    fit,
)
from models.platt import LEAST_SLOPE

CURVE = Calibrator(2.0, 1.0, knots=(-1.0, 0.0, 2.0), levels=(-3.0, -1.0, 0.0))

# What the calibrated log-odds are for raw ones: rows of these three are best told by the form of that name.
TRUTHS = {
    "identity": lambda raw: raw,
    "platt": lambda raw: 0.6 * raw - 0.8,
    "isotonic": lambda raw: np.minimum(raw, -0.5),
}


def drawn(name: str, users: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    raw = random.normal(-1, 1.5, users)
    return (random.random(users) < expit(TRUTHS[name](raw))).astype(np.int8), raw


def test_a_lines_probability_is_the_logistic_of_the_scaled_log_odds() -> None:
    assert Calibrator(2.0, -1.0).probability(np.array([0.5, 0.0])) == pytest.approx([0.5, 1 / (1 + np.e)])


def test_a_curve_is_straight_between_its_points_and_almost_level_beyond_them() -> None:
    # line 2 × raw + 1:                 −3    −1   −0.5   0    1     2    4
    raw = np.array([-2.0, -1.0, -0.75, -0.5, 0.0, 0.5, 1.5])
    expected = [-3 - 2 * LEAST_SLOPE, -3, -2, -1, -0.5, 0, 2 * LEAST_SLOPE]
    assert CURVE.log_odds(raw) == pytest.approx(expected)
    assert CURVE.probability(raw) == pytest.approx(expit(expected))


def test_forms_are_named() -> None:
    assert [calibrator.name for calibrator in (IDENTITY, Calibrator(1.0, 0.5), CURVE)] == ["identity", "platt", "isotonic"]


@pytest.mark.parametrize("calibrator", [IDENTITY, Calibrator(0.5, -2.0), CURVE])
def test_no_score_and_endless_scores(calibrator: Calibrator) -> None:
    assert calibrator.probability(np.array([np.nan, -np.inf, np.inf])) == pytest.approx([np.nan, 0, 1], nan_ok=True)


@pytest.mark.parametrize("name", TRUTHS)
def test_each_form_is_chosen_where_it_is_needed(name: str) -> None:
    y, raw = drawn(name, 6000)
    found = choose(y, raw)
    assert found.calibrator.name == name
    assert list(found.losses) == ["identity", "platt", "isotonic"]
    fresh = np.linspace(-3, 1.5, 10)
    assert found.calibrator.probability(fresh) == pytest.approx(expit(TRUTHS[name](fresh)), abs=0.04)
    assert fit(y, raw) == found.calibrator


def test_losses_are_those_of_rows_that_were_left_out() -> None:
    # Platt scaling cannot lose against the identity on the rows it was fitted to, and loses on others on the average.
    chosen = [choose(*drawn("identity", 400, seed)) for seed in range(20)]
    assert np.mean([each.losses["platt"] - each.losses["identity"] for each in chosen]) > 0
    y, raw = drawn("identity", 400)
    assert chosen[1].losses["identity"] == pytest.approx(np.logaddexp(0, np.where(y == 1, -raw, raw)).mean())


def test_a_gain_within_the_noise_does_not_buy_a_richer_form() -> None:
    chosen = [choose(*drawn("identity", 400, seed)) for seed in range(20)]
    better = [each.losses["platt"] < each.losses["identity"] for each in chosen]
    bought = [each.calibrator.name == "platt" for each in chosen]
    assert sum(bought) < sum(better), "there were gains, and some were not believed"
    assert sum(bought) <= 5


def test_the_isotonic_form_needs_enough_of_either_outcome() -> None:
    y, raw = np.tile(np.array([0, 1], dtype=np.int8), LEAST_OF_EACH), np.arange(2.0 * LEAST_OF_EACH)
    assert "isotonic" in choose(y, raw).losses
    assert "isotonic" not in choose(y[1:], raw[1:]).losses


@pytest.mark.parametrize("outcome", [0, 1])
def test_with_a_handful_of_an_outcome_it_is_platt_scaling(outcome: int) -> None:
    y = np.array([outcome] * (FOLDS - 1) + [1 - outcome] * 96, dtype=np.int8)
    found = choose(y, np.linspace(-50, 50, 100))
    assert (found.calibrator.name, dict(found.losses)) == ("platt", {})
    assert 0 < found.calibrator.probability(np.array([0.0]))[0] < 1


def test_the_same_rows_and_seed_give_the_same_bits() -> None:
    y, raw = drawn("isotonic", 2000)
    assert choose(y, raw, seed=3) == choose(y, raw, seed=3)
    assert choose(y, raw, seed=3).losses != choose(y, raw, seed=4).losses


def test_scores_in_another_unit_are_brought_back() -> None:
    # Days since the last visit, negated: an order, not log-odds.
    random = np.random.default_rng(5)
    raw = -random.uniform(0, 60, 4000)
    y = (random.random(4000) < expit(raw / 20)).astype(np.int8)
    assert expected_calibration_error(y, fit(y, raw).probability(raw)) < calibration_bound(expit(raw / 20)) + 0.01


@pytest.mark.parametrize("raw", [[np.nan, 1.0], [np.inf, 1.0], []])
def test_scores_that_are_not_numbers_are_refused(raw: list[float]) -> None:
    with pytest.raises(ValueError, match="finite scores"):
        fit(np.zeros(len(raw), dtype=np.int8), np.array(raw))


@pytest.mark.parametrize("calibrator", [Calibrator(1.0, 0.0), Calibrator(0.7, -1.0), CURVE])
def test_a_levelled_calibrator_keeps_its_form_and_says_the_share_on_average(calibrator: Calibrator) -> None:
    y, raw = np.array([1, 0, 0, 0] * 250, dtype=np.int8), np.random.default_rng(3).normal(1.0, 2.0, 1000)
    moved = calibrator.levelled(y, raw)
    assert moved.probability(raw).mean() == pytest.approx(0.25, abs=1e-3)
    by = moved.log_odds(raw) - calibrator.log_odds(raw)
    assert by == pytest.approx(np.full(1000, by[0]), abs=1e-9)
    assert Calibrator.from_json(moved.to_json()) == moved


@pytest.mark.parametrize("outcome", [0, 1])
def test_the_level_is_finite_where_there_is_one_outcome_only(outcome: int) -> None:
    y, raw = np.full(50, outcome, dtype=np.int8), np.linspace(-30, 30, 50)
    assert 0 < Calibrator(1.0, 0.0).levelled(y, raw).probability(np.zeros(1))[0] < 1


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(-300, 300), st.booleans()), min_size=1, max_size=60), st.integers(0, 3))
def test_order_is_kept_and_nothing_seen_is_certain(users: list[tuple[float, bool]], seed: int) -> None:
    raw, y = np.array(users, dtype=np.float64).T
    random = np.random.default_rng(seed)
    raw = np.concatenate([raw, random.normal(0, 3, 1000)])
    y = np.concatenate([y, random.integers(0, 2, 1000)]).astype(np.int8)
    calibrator = fit(y, raw)
    ascending = calibrator.log_odds(np.sort(raw))
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(ascending.tolist()))
    if calibrator.name == "isotonic":
        n1, n0 = int(y.sum()), int((1 - y).sum())
        within = np.array(calibrator.levels)
        assert (within >= logit(1 / (n0 + 2)) - 1e-9).all()
        assert (within <= logit((n1 + 1) / (n1 + 2)) + 1e-9).all()


@given(st.floats(1e-6, 1e6), st.floats(-1e6, 1e6), st.lists(st.floats(-1e6, 1e6), max_size=20, unique=True))
def test_json_keeps_every_bit(slope: float, intercept: float, numbers: list[float]) -> None:
    ascending = tuple(sorted(numbers))
    calibrator = Calibrator(slope, intercept, ascending, ascending)
    assert Calibrator.from_json(json.loads(json.dumps(calibrator.to_json()))) == calibrator


def test_a_line_is_two_numbers() -> None:
    assert Calibrator(1.5, -0.25).to_json() == {"slope": 1.5, "intercept": -0.25}


LINE = {"slope": 1.0, "intercept": 0.0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"slope": 0.0, "intercept": 0.0}, "slope above 0"),
        ({"slope": -1.0, "intercept": 0.0}, "slope above 0"),
        ({"slope": float("nan"), "intercept": 0.0}, "slope"),
        ({"slope": 1.0, "intercept": float("inf")}, "finite intercept"),
        ({"slope": 1.0}, "'intercept' is missing"),
        ({"slope": "steep", "intercept": 0.0}, "steep"),
        ({"slope": None, "intercept": 0.0}, "numbers"),
        ({**LINE, "knots": [0.0, 1.0], "levels": [0.0]}, "2 knots and 1 levels"),
        ({**LINE, "knots": [0.0], "levels": []}, "1 knots and 0 levels"),
        ({**LINE, "knots": [1.0, 0.0], "levels": [0.0, 1.0]}, "must ascend"),
        ({**LINE, "knots": [1.0, 1.0], "levels": [0.0, 1.0]}, "must ascend"),
        ({**LINE, "knots": [0.0, 1.0], "levels": [1.0, 0.0]}, "not descend"),
        ({**LINE, "knots": [0.0, float("nan")], "levels": [0.0, 1.0]}, "finite"),
        ({**LINE, "knots": [0.0, 1.0], "levels": [0.0, float("inf")]}, "finite"),
        ({**LINE, "knots": 3.0, "levels": [0.0]}, "numbers"),
        ({**LINE, "knots": [[0.0]], "levels": [0.0]}, "numbers"),
        ({**LINE, "power": 2.0}, "unknown is power"),
    ],
)
def test_broken_numbers_are_refused(content: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Calibrator.from_json(content)


def test_calibration_error_of_two_bins_by_hand() -> None:
    # bins {.1 .2 | 0 1} and {.8 .9 | 1 1}: |.15 − .5| and |.85 − 1|, halves each
    y = np.array([0, 1, 1, 1], dtype=np.int8)
    assert expected_calibration_error(y, np.array([0.1, 0.2, 0.8, 0.9]), bins=2) == pytest.approx((0.35 + 0.15) / 2)


def test_calibration_error_does_not_depend_on_the_order_of_equal_probabilities() -> None:
    y = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.int8)
    probability = np.full(8, 0.375)
    assert expected_calibration_error(y, probability, bins=4) == pytest.approx(0)
    assert expected_calibration_error(y[::-1], probability, bins=4) == pytest.approx(0)


def test_equal_probabilities_share_their_outcomes_over_the_bins_they_lie_in() -> None:
    # Five equal users, two of them with outcome 1, over bins of 3 and 3: |3 × (.5 − .4)| and |2 × (.5 − .4) + (.9 − 0)|
    y, probability = np.array([1, 1, 0, 0, 0, 0], dtype=np.int8), np.array([0.5] * 5 + [0.9])
    assert expected_calibration_error(y, probability, bins=2) == pytest.approx((0.3 + 1.1) / 6)


def test_calibration_error_sees_probabilities_that_are_twice_too_high() -> None:
    random = np.random.default_rng(5)
    truth = random.uniform(0.05, 0.45, 50_000)
    y = (random.random(len(truth)) < truth).astype(np.int8)
    assert expected_calibration_error(y, truth) < 0.01
    assert expected_calibration_error(y, 2 * truth) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("users", [1000, MANY_USERS])
def test_a_true_model_stays_below_the_bound_nineteen_times_in_twenty(users: int) -> None:
    random = np.random.default_rng(8)
    truth = random.uniform(0.02, 0.4, users)
    bound = calibration_bound(truth)
    errors = np.array([expected_calibration_error((random.random(users) < truth).astype(np.int8), truth) for _ in range(400)])
    assert np.mean(errors <= bound) == pytest.approx(0.95, abs=0.03)


def test_drawn_sums_and_drawn_outcomes_agree_where_one_changes_to_the_other() -> None:
    truth = np.random.default_rng(9).uniform(0.02, 0.4, MANY_USERS)
    assert calibration_bound(truth) == pytest.approx(calibration_bound(truth[:-1]), rel=0.05)


@pytest.mark.parametrize("users", [1000, MANY_USERS])
def test_the_bound_of_one_probability_for_all_is_that_of_one_share(users: int) -> None:
    spread = (0.3 * 0.7 / users) ** 0.5
    assert calibration_bound(np.full(users, 0.3)) == pytest.approx(1.96 * spread, rel=0.08)


def test_certain_probabilities_have_no_error_to_expect() -> None:
    assert calibration_bound(np.array([0.0, 0.0, 1.0, 1.0])) == 0


def test_no_users_have_no_calibration_error() -> None:
    for function in (lambda: expected_calibration_error(np.zeros(0, dtype=np.int8), np.zeros(0)), lambda: calibration_bound(np.zeros(0))):
        with pytest.raises(ValueError, match="got 0 users"):
            function()
