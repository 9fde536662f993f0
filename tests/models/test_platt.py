from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from models.platt import LEAST_SLOPE, platt, softened


def test_outcomes_are_softened_to_the_posterior_mean() -> None:
    assert softened(np.array([1, 0, 0, 1, 1], dtype=np.int8)) == pytest.approx([4 / 5, 1 / 4, 1 / 4, 4 / 5, 4 / 5])


def test_the_line_is_recovered() -> None:
    random = np.random.default_rng(3)
    raw = random.normal(0, 2, 200_000)
    y = (random.random(len(raw)) < expit(0.6 * raw - 1.2)).astype(np.int8)
    assert platt(softened(y), raw) == pytest.approx((0.6, -1.2), abs=0.02)


def test_two_scores_are_given_their_softened_shares() -> None:
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=np.int8)
    slope, intercept = platt(softened(y), np.array([-1.0] * 4 + [1.0] * 4))
    high = (3 * 5 / 6 + 1 * 1 / 6) / 4
    assert expit(slope + intercept) == pytest.approx(high, abs=1e-6)
    assert expit(-slope + intercept) == pytest.approx(1 - high, abs=1e-6)


def test_mean_probability_equals_the_base_rate() -> None:
    random = np.random.default_rng(4)
    raw = random.normal(3, 1, 20_000)
    y = (random.random(len(raw)) < 0.1).astype(np.int8)
    slope, intercept = platt(softened(y), raw)
    assert expit(slope * raw + intercept).mean() == pytest.approx(y.mean(), abs=1e-3)


def test_a_useless_order_gives_the_base_rate_and_is_never_turned_round() -> None:
    raw = np.linspace(-2, 2, 1000)
    y = (raw < -1).astype(np.int8)
    slope, intercept = platt(softened(y), raw)
    assert slope == pytest.approx(LEAST_SLOPE)
    assert expit(slope * raw + intercept) == pytest.approx(np.full(1000, y.mean()), abs=0.01)


def test_separated_outcomes_stay_finite() -> None:
    slope, intercept = platt(softened(np.array([0, 0, 1, 1], dtype=np.int8)), np.array([-5.0, -4.0, 4.0, 5.0]))
    assert 0 < expit(-5 * slope + intercept) < 0.5 < expit(5 * slope + intercept) < 1


def test_one_score_for_everybody_gives_the_base_rate() -> None:
    slope, intercept = platt(softened(np.array([0] * 90 + [1] * 10, dtype=np.int8)), np.full(100, 7.0))
    assert expit(7 * slope + intercept) == pytest.approx(0.1, abs=0.02)
