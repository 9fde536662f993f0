from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from models.calibration import LEAST_SLOPE, Calibrator, expected_calibration_error, fit


def test_probability_is_the_logistic_of_the_scaled_log_odds() -> None:
    assert Calibrator(2.0, -1.0).probability(np.array([0.5, 0.0])) == pytest.approx([0.5, 1 / (1 + np.e)])


def test_fit_recovers_slope_and_intercept() -> None:
    random = np.random.default_rng(3)
    raw = random.normal(0, 2, 200_000)
    y = (random.random(len(raw)) < expit(0.6 * raw - 1.2)).astype(np.int8)
    found = fit(y, raw)
    assert found.slope == pytest.approx(0.6, abs=0.02)
    assert found.intercept == pytest.approx(-1.2, abs=0.02)


def test_fit_equals_the_softened_maximum_likelihood_of_two_scores() -> None:
    # Two score values: the fit passes through the softened share of outcomes at each.
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=np.int8)
    raw = np.array([-1.0] * 4 + [1.0] * 4)
    high = (3 * 5 / 6 + 1 * 1 / 6) / 4
    assert fit(y, raw).probability(np.array([1.0])) == pytest.approx([high], abs=1e-6)


def test_mean_probability_equals_the_base_rate() -> None:
    random = np.random.default_rng(4)
    raw = random.normal(3, 1, 20_000)
    y = (random.random(len(raw)) < 0.1).astype(np.int8)
    assert fit(y, raw).probability(raw).mean() == pytest.approx(y.mean(), abs=1e-3)


def test_a_useless_order_gives_the_base_rate_and_is_never_turned_round() -> None:
    raw = np.linspace(-2, 2, 1000)
    y = (raw < -1).astype(np.int8)
    found = fit(y, raw)
    assert found.slope == pytest.approx(LEAST_SLOPE)
    assert found.probability(raw) == pytest.approx(np.full(1000, y.mean()), abs=0.01)


def test_separated_outcomes_stay_finite() -> None:
    found = fit(np.array([0, 0, 1, 1], dtype=np.int8), np.array([-5.0, -4.0, 4.0, 5.0]))
    assert 0 < found.probability(np.array([-5.0]))[0] < 0.5 < found.probability(np.array([5.0]))[0] < 1


def test_one_score_for_everybody_gives_the_base_rate() -> None:
    y = np.array([0] * 90 + [1] * 10, dtype=np.int8)
    assert fit(y, np.full(100, 7.0)).probability(np.array([7.0])) == pytest.approx([0.1], abs=0.02)


@pytest.mark.parametrize("raw", [[np.nan, 1.0], [np.inf, 1.0], []])
def test_scores_that_are_not_numbers_are_refused(raw: list[float]) -> None:
    with pytest.raises(ValueError, match="finite scores"):
        fit(np.zeros(len(raw), dtype=np.int8), np.array(raw))


@given(st.floats(1e-6, 1e6), st.floats(-1e6, 1e6))
def test_json_keeps_every_bit(slope: float, intercept: float) -> None:
    calibrator = Calibrator(slope, intercept)
    assert Calibrator.from_json(json.loads(json.dumps(calibrator.to_json()))) == calibrator


@pytest.mark.parametrize("numbers", [{"slope": 0.0, "intercept": 0.0}, {"slope": float("nan"), "intercept": 0.0}, {"slope": 1.0}])
def test_impossible_numbers_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"slope|intercept"):
        Calibrator.from_json(numbers)


def test_calibration_error_of_two_bins_by_hand() -> None:
    # bins {.1 .2 | 0 1} and {.8 .9 | 1 1}: |.15 − .5| and |.85 − 1|, halves each
    y = np.array([0, 1, 1, 1], dtype=np.int8)
    assert expected_calibration_error(y, np.array([0.1, 0.2, 0.8, 0.9]), bins=2) == pytest.approx((0.35 + 0.15) / 2)


def test_calibration_error_does_not_depend_on_the_order_of_equal_probabilities() -> None:
    y = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.int8)
    probability = np.full(8, 0.375)
    assert expected_calibration_error(y, probability, bins=4) == pytest.approx(0)
    assert expected_calibration_error(y[::-1], probability, bins=4) == pytest.approx(0)


def test_calibration_error_sees_probabilities_that_are_twice_too_high() -> None:
    random = np.random.default_rng(5)
    truth = random.uniform(0.05, 0.45, 50_000)
    y = (random.random(len(truth)) < truth).astype(np.int8)
    assert expected_calibration_error(y, truth) < 0.01
    assert expected_calibration_error(y, 2 * truth) == pytest.approx(0.25, abs=0.01)
