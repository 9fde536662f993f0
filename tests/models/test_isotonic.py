from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.isotonic import LEAST_IN_GROUP, MOST_GROUPS, centered_isotonic


def repeated(*rows: tuple[float, float, int]) -> tuple[np.ndarray, np.ndarray]:
    """(x, mean y, rows): outcomes 0 and 1 of that mean, as often as said."""
    x = np.concatenate([np.full(count, at) for at, _, count in rows])
    y = np.concatenate([np.arange(count) < round(mean * count) for _, mean, count in rows]).astype(np.float64)
    return x, y


def test_a_rising_step_function_keeps_its_steps() -> None:
    knots, levels = centered_isotonic(*repeated((0.0, 0.1, 50), (1.0, 0.2, 50), (2.0, 0.6, 50)))
    assert knots == pytest.approx([0, 1, 2])
    assert levels == pytest.approx([0.1, 0.2, 0.6])


def test_a_step_down_is_pooled_into_one_point_at_its_mean() -> None:
    # 0.4 at 1 and 0.2 at 2 fall: together 0.25 of 200 rows at (50 × 1 + 150 × 2) / 200.
    knots, levels = centered_isotonic(*repeated((0.0, 0.1, 50), (1.0, 0.4, 50), (2.0, 0.2, 150), (3.0, 0.6, 50)))
    assert knots == pytest.approx([0, 1.75, 3])
    assert levels == pytest.approx([0.1, 0.25, 0.6])


def test_equal_steps_become_one_point() -> None:
    knots, levels = centered_isotonic(*repeated((0.0, 0.2, 50), (4.0, 0.2, 50), (5.0, 0.8, 50)))
    assert (knots, levels) == (pytest.approx([2, 5]), pytest.approx([0.2, 0.8]))


def test_what_only_falls_is_one_point() -> None:
    knots, levels = centered_isotonic(*repeated((0.0, 0.8, 100), (1.0, 0.2, 100)))
    assert (knots, levels) == (pytest.approx([0.5]), pytest.approx([0.5]))


def test_one_row_is_one_point() -> None:
    assert [found.tolist() for found in centered_isotonic(np.array([3.0]), np.array([0.7]))] == [[3.0], [0.7]]


def test_the_ends_rest_on_many_rows() -> None:
    x = np.arange(200.0)
    y = (x == 199).astype(np.float64)
    knots, levels = centered_isotonic(x, y)
    assert levels[-1] == pytest.approx(1 / LEAST_IN_GROUP, rel=0.05)
    assert levels[0] == 0
    assert len(knots) == 2


def test_many_rows_make_few_points() -> None:
    x = np.random.default_rng(1).normal(size=50_000)
    knots, _ = centered_isotonic(x, x)
    assert len(knots) == MOST_GROUPS


def test_almost_equal_scores_do_not_make_the_points_go_back() -> None:
    # Means of a thousand equal numbers round by more than the numbers lie apart.
    near = np.nextafter(0.1, 1)
    x = np.repeat([0.1, near], [1003, 1009])
    knots, levels = centered_isotonic(x, (x == near).astype(np.float64))
    assert (np.diff(knots) > 0).all()
    assert len(knots) == len(levels)


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 1)), min_size=1, max_size=400), st.randoms(use_true_random=False))
def test_points_rise_within_the_rows_whatever_their_order(rows: list[tuple[int, int]], random) -> None:
    x, y = np.array(rows, dtype=np.float64).T
    knots, levels = centered_isotonic(x, y)
    assert (np.diff(knots) > 0).all()
    assert (np.diff(levels) > 0).all()
    assert x.min() <= knots[0] <= knots[-1] <= x.max()
    assert y.min() <= levels[0] <= levels[-1] <= y.max()
    random.shuffle(rows)
    again = centered_isotonic(*np.array(rows, dtype=np.float64).T)
    assert again[0] == pytest.approx(knots)
    assert again[1] == pytest.approx(levels)
