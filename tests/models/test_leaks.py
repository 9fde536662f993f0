from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import metrics
from models.leaks import Area, area, best_areas, mean_area

# Scores of ones: 3 1.5; of zeros: 1 2 1.5; see test_metrics for the placements.
Y = np.array([1, 1, 0, 0, 0], dtype=np.int8)
SCORE = np.array([3.0, 1.5, 1.0, 2.0, 1.5])
ALL = np.ones(5, dtype=bool)
EACH = np.arange(5, dtype=np.int64)


def test_a_tie_counts_one_half() -> None:
    assert area(SCORE, Y, EACH, ALL).value == pytest.approx(0.75)


def test_each_user_moves_the_area_by_its_distance_from_the_mean() -> None:
    found = area(SCORE, Y, EACH, ALL)
    ones, zeros = np.array([1, 0.5]), np.array([1, 0.5, 0.75])
    assert found.influence == pytest.approx([*(ones - 0.75) / 2, *(zeros - 0.75) / 3])


def test_rows_of_one_user_move_together() -> None:
    apart, together = area(SCORE, Y, EACH, ALL), area(SCORE, Y, np.array([0, 1, 1, 2, 0]), ALL)
    assert together.value == apart.value
    assert together.influence == pytest.approx(
        [apart.influence[0] + apart.influence[4], apart.influence[1] + apart.influence[2], apart.influence[3]]
    )


def test_a_user_who_is_there_a_hundred_times_is_no_more_certain_than_once() -> None:
    random = np.random.default_rng(7)
    y = (random.random(300) < 0.3).astype(np.int8)
    score, users = random.normal(size=300) + y, np.arange(300)
    once = area(score, y, users, np.ones(300, dtype=bool))
    often = area(np.repeat(score, 100), np.repeat(y, 100), np.repeat(users, 100), np.ones(30_000, dtype=bool))
    assert [often.value, often.error] == pytest.approx([once.value, once.error])


@given(st.integers(0, 1000))
def test_with_one_row_per_user_the_error_is_delongs(seed: int) -> None:
    random = np.random.default_rng(seed)
    y = np.repeat([0, 1], 150).astype(np.int8)
    score = random.normal(size=300) + y
    found = area(score, y, np.arange(300), np.ones(300, dtype=bool))
    value, lower, upper = metrics.auc_interval(y, score, level=0.6826894921370859)
    assert found.value == pytest.approx(value)
    assert found.error == pytest.approx((upper - lower) / 2, rel=0.01)


def test_rows_outside_do_not_count() -> None:
    within = np.array([True, True, True, True, False])
    assert area(SCORE, Y, EACH, within).value == pytest.approx((1 + 0.5) / 2)


def test_one_outcome_only_has_no_area() -> None:
    with pytest.raises(ValueError, match="0 of 3 rows have outcome 1"):
        area(SCORE, Y, EACH, Y == 0)


def test_the_difference_of_two_areas_forgets_what_they_share() -> None:
    one = area(SCORE, Y, EACH, ALL)
    assert one.minus(one).value == one.minus(one).error == 0


@pytest.mark.parametrize(
    ("column", "best"),
    [
        ([5, 5, 1, 1, 1], 1.0),
        ([1, 1, 5, 5, 5], 1.0),
        ([np.nan, np.nan, 5, 6, 7], 1.0),
        ([9, 8, 1, np.nan, np.nan], 1.0),
        ([np.nan] * 5, 0.5),
        ([2, 2, 2, 2, 2], 0.5),
    ],
    ids=["upwards", "downwards", "undefined is positive", "undefined is lowest", "undefined", "constant"],
)
def test_a_column_is_read_in_the_best_of_four_ways(column: list[float], best: float) -> None:
    ((found,),) = best_areas(np.array([column]), Y, EACH, {"all": ALL}).values()
    assert found.value == pytest.approx(best)


def test_each_stratum_has_its_own_areas() -> None:
    strata = {"all": ALL, "some": np.array([True, False, True, True, True])}
    found = best_areas(np.stack([SCORE, -SCORE]), Y, EACH, strata)
    assert {name: [one.value for one in areas] for name, areas in found.items()} == {
        "all": [pytest.approx(0.75)] * 2,
        "some": [pytest.approx(1.0)] * 2,
    }


def test_scores_of_two_folds_are_not_compared() -> None:
    score = np.array([0.1, 0.0, 10.1, 10.0])
    y, folds = np.array([1, 0, 0, 1], dtype=np.int8), np.array([0, 0, 1, 1])
    found = mean_area(score, y, np.arange(4), folds)
    assert found.value == pytest.approx((1 + 0) / 2)


def test_a_fold_with_one_outcome_is_left_out() -> None:
    y, folds = np.array([1, 0, 0, 0], dtype=np.int8), np.array([0, 0, 1, 1])
    assert mean_area(np.arange(4.0), y, np.arange(4), folds).value == 0
    assert np.isnan(mean_area(np.arange(4.0), y, np.arange(4), np.arange(4)).value)


def test_lower_is_so_many_errors_below() -> None:
    found = Area(0.7, np.array([0.1, -0.1]))
    assert found.error == pytest.approx(0.2)
    assert found.lower(1.5) == pytest.approx(0.4)
    assert Area(0.2, np.array([0.1, -0.1])).upward.value == pytest.approx(0.8)
