from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.evaluation import intervals
from pipeline.evaluation.evidence import Estimate

RUNS = 2000


def test_a_normal_interval_reaches_1_96_standard_errors_and_no_further_than_is_possible() -> None:
    found = intervals.normal(0.5, 0.01)
    assert (found.value, found.lower, found.upper) == (0.5, pytest.approx(0.304, abs=1e-4), pytest.approx(0.696, abs=1e-4))
    assert intervals.normal(0.5, 1.0, least=0.0, most=1.0) == Estimate(0.5, 0.0, 1.0)


@pytest.mark.parametrize(("hits", "rows"), [(0, 20), (1, 20), (7, 20), (20, 20), (300, 1000)])
def test_the_interval_of_a_share_is_wilsons(hits: int, rows: int) -> None:
    wanted = binomtest(hits, rows).proportion_ci(method="wilson")
    found = intervals.share(hits, rows)
    assert (found.value, found.lower, found.upper) == (hits / rows, pytest.approx(wanted.low), pytest.approx(wanted.high))


def test_users_who_count_by_a_part_make_a_share_between_those_of_whole_ones() -> None:
    assert intervals.share(2, 20).lower < intervals.share(2.5, 20).lower < intervals.share(3, 20).lower  # type: ignore[operator]


def test_a_ratio_that_never_varies_is_sure_and_nothing_above_is_0() -> None:
    ones = np.ones(4)
    assert intervals.ratio(ones * 3, ones * 2) == Estimate(1.5, 1.5, 1.5)
    assert intervals.ratio(np.zeros(4), np.array([0.0, 1, 1, 0])) == Estimate(0.0, 0.0, 0.0)


def test_a_ratio_reads_the_same_upside_down() -> None:
    above, below = np.array([0.2, 0.5, 0.1, 0.9]), np.array([0.0, 1, 0, 1])
    found, turned = intervals.ratio(above, below), intervals.ratio(below, above)
    assert found.value == pytest.approx(1.7 / 2)
    assert [turned.lower, turned.value, turned.upper] == pytest.approx([1 / end for end in (found.upper, found.value, found.lower) if end])


def test_the_interval_of_a_ratio_holds_the_truth_95_times_of_100() -> None:
    random = np.random.default_rng(7)
    level = random.beta(1, 9, (RUNS, 400))
    happened = (random.random((RUNS, 400)) < level).astype(np.float64)
    found = [intervals.ratio(1.2 * each, outcome) for each, outcome in zip(level, happened, strict=True)]
    held = sum(each.lower <= 1.2 <= each.upper for each in found if each.lower is not None and each.upper is not None)
    assert 0.94 < held / RUNS < 0.96


def test_two_estimates_are_as_far_apart_as_their_covariance_allows() -> None:
    values, covariance = np.array([0.7, 0.6]), np.array([[0.004, 0.003], [0.003, 0.004]])
    found, chance = intervals.difference(values, covariance, 1, 0)
    half = 1.959964 * 0.002**0.5
    assert [found.value, found.lower, found.upper] == pytest.approx([-0.1, -0.1 - half, -0.1 + half])
    assert chance == pytest.approx(0.01267, abs=1e-5)  # 0.1 is 2.236 standard errors
    other, turned = intervals.difference(values, covariance, 0, 1)
    assert (other.value, turned) == (pytest.approx(0.1), pytest.approx(1 - chance))


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.5), (-0.1, 0.0), (0.1, 1.0)])
def test_a_difference_that_never_varies_leaves_nothing_to_chance(value: float, expected: float) -> None:
    assert intervals.chance_of_less(value, 0.0) == expected


def test_no_difference_is_as_likely_to_be_one_side_as_the_other() -> None:
    assert intervals.chance_of_less(0.0, 1e-30) == 0.5
