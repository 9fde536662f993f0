from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.evaluation.figures.ranked import FINE, ranked, thinned


def test_users_are_counted_from_the_highest_score_on_and_ties_at_once() -> None:
    found = ranked(np.array([0, 1, 1, 0, 1], dtype=np.int8), np.array([0.1, 0.9, 0.5, 0.5, 0.1]))
    assert found.users.tolist() == [0, 1, 3, 5]
    assert found.found.tolist() == [0, 1, 2, 3]
    assert found.true_rate.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert found.false_rate.tolist() == [0, 0, 0.5, 1]
    assert found.precision.tolist() == pytest.approx([1, 2 / 3, 3 / 5])


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=40))
def test_areas_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    y, score = (np.array(values) for values in zip(*[(0, 3), (1, 3), *rows], strict=True))
    found = ranked(y.astype(np.int8), score.astype(float))
    assert found.auc == pytest.approx(roc_auc_score(y, score))
    assert found.average_precision == pytest.approx(average_precision_score(y, score))


def test_a_line_of_many_points_is_thinned_to_those_that_can_be_seen() -> None:
    x = np.linspace(0, 1, 200_001)
    across, up = thinned(x, x**2)
    assert len(across) <= 2 * FINE + 2
    assert (across[0], across[-1], up[-1]) == (0, 1, 1)
    assert np.abs(np.interp(x, across, up) - x**2).max() < 1.5 / FINE


def test_points_that_can_be_told_apart_all_stay() -> None:
    across, up = thinned(np.array([0, 0.25, 0.25, 1]), np.array([0, 0, 0.5, 1]))
    assert (across.tolist(), up.tolist()) == ([0, 0.25, 0.25, 1], [0, 0, 0.5, 1])
