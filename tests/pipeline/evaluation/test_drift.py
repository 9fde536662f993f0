from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.drift import stability_index, verdict

RANDOM = np.random.default_rng(7)
VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan")]) | st.floats(-5, 5), min_size=1, max_size=50)


def test_the_index_of_a_small_case_by_hand() -> None:
    # tenths of 0…9 are ten bins of one each; now all ten values lie in the last bin
    reference, current = np.arange(10.0), np.full(10, 9.0)
    floor = 1e-4
    expected = 9 * (floor - 0.1) * np.log(floor / 0.1) + (1 - 0.1) * np.log(1 / 0.1)
    assert stability_index(reference, current) == pytest.approx(expected)


def test_the_same_users_have_not_moved() -> None:
    values = RANDOM.normal(size=500)
    assert stability_index(values, values[::-1]) == 0


def test_a_sample_of_the_same_users_is_stable_and_a_shifted_one_has_drifted() -> None:
    reference, current = RANDOM.normal(size=5000), RANDOM.normal(size=5000)
    assert verdict(stability_index(reference, current)) == "stable"
    assert verdict(stability_index(reference, current + 1)) == "drifted"
    assert stability_index(reference, current + 0.2) < stability_index(reference, current + 0.4)


def test_values_that_became_undefined_count() -> None:
    reference = RANDOM.normal(size=1000)
    current = np.where(np.arange(1000) < 400, np.nan, reference)
    assert verdict(stability_index(reference, current)) == "drifted"


def test_a_mostly_constant_count_that_starts_to_vary_has_drifted() -> None:
    reference = np.where(np.arange(1000) < 950, 0.0, 1.0)
    assert verdict(stability_index(reference, np.where(np.arange(1000) < 600, 0.0, 1.0))) == "drifted"


def test_nobody_has_no_index() -> None:
    assert np.isnan(stability_index(np.zeros(0), np.ones(3)))
    assert verdict(stability_index(np.ones(3), np.zeros(0))) == "undefined"


@given(VALUES, VALUES)
def test_the_index_is_finite_and_never_negative(reference: list[float], current: list[float]) -> None:
    index = stability_index(np.array(reference), np.array(current))
    assert np.isfinite(index)
    assert index >= -1e-12


@pytest.mark.parametrize(("index", "status"), [(0.0999, "stable"), (0.1, "watch"), (0.2499, "watch"), (0.25, "drifted")])
def test_verdicts_begin_at_their_thresholds(index: float, status: str) -> None:
    assert verdict(index) == status
