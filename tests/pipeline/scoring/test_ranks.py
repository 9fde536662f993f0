from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.timeline import Codes
from models.classifier import Floats
from pipeline.scoring.ranks import percentiles

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1), min_size=1, max_size=60)


def alone(scores: npt.ArrayLike) -> tuple[Floats, Codes]:
    """The ranks of scores that are the whole night."""
    array = np.array(scores, dtype=np.float64)
    return percentiles(array, np.sort(array))


def test_ties_share_a_percentile_and_the_best_has_a_hundred() -> None:
    percentile, decile = alone([0.1, 0.4, 0.4, 0.9])
    assert percentile.tolist() == [25, 75, 75, 100]
    assert decile.tolist() == [8, 3, 3, 1]


def test_ten_different_scores_fill_ten_deciles() -> None:
    percentile, decile = alone(np.arange(10) / 10)
    assert percentile.tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert decile.tolist() == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_one_user_is_the_best() -> None:
    assert [values.tolist() for values in alone([0.2])] == [[100.0], [1]]


def test_nobody_has_no_rank() -> None:
    assert [len(values) for values in alone([])] == [0, 0]


@given(SCORES, st.integers(0, 60))
def test_a_part_of_the_night_ranks_as_it_does_with_the_others(scores: list[float], first: int) -> None:
    array = np.array(scores)
    percentile, decile = alone(array)
    part = percentiles(array[first:], np.sort(array))
    np.testing.assert_array_equal(part[0], percentile[first:])
    np.testing.assert_array_equal(part[1], decile[first:])


@given(SCORES, st.randoms(use_true_random=False))
def test_a_users_rank_does_not_depend_on_the_order_of_the_users(scores: list[float], random: object) -> None:
    array = np.array(scores)
    order = np.array(sorted(range(len(scores)), key=lambda _: random.random()))  # type: ignore[attr-defined]
    percentile, decile = alone(array)
    shuffled = alone(array[order])
    np.testing.assert_array_equal(shuffled[0], percentile[order])
    np.testing.assert_array_equal(shuffled[1], decile[order])


@given(SCORES)
def test_a_higher_score_never_ranks_worse_and_the_decile_follows_from_the_percentile(scores: list[float]) -> None:
    array = np.array(scores)
    percentile, decile = alone(array)
    order = np.argsort(array)
    assert (np.diff(percentile[order]) >= 0).all()
    assert (np.diff(decile[order]) <= 0).all()
    assert percentile.max() == 100
    assert percentile == pytest.approx([100 * np.mean(array <= score) for score in array])
    assert ((100 - 10 * decile < percentile + 1e-9) & (percentile <= 110 - 10 * decile + 1e-9)).all()
