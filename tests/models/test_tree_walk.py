from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import row_threads
from models.tree_walk import BLOCK, Forest
from tests.models.grown import COLUMNS, grown, hard_rows

SHAPES = {
    "as trained by us": {"num_leaves": 31, "max_depth": 6},
    "deep": {"num_leaves": 200, "min_data_in_leaf": 1},
    "stumps": {"num_leaves": 2},
    "NaN is read as 0": {"use_missing": False},
    "zeros are missing": {"zero_as_missing": True},
    "extra": {"extra_trees": True, "linear_tree": False, "path_smooth": 2.0},
    "rows left out": {"bagging_fraction": 0.5, "bagging_freq": 1},
    "of counts": {"objective": "poisson"},
}


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), rows=st.integers(0, 3 * BLOCK))
def test_a_walk_gives_the_bits_of_the_booster(shape: str, seed: int, rows: int) -> None:
    booster = BOOSTERS.setdefault(shape, grown(len(BOOSTERS), **SHAPES[shape]))
    X = hard_rows(booster, rows, seed)
    expected = booster.predict(X, raw_score=True) if rows else np.zeros(0)
    np.testing.assert_array_equal(Forest.of(booster).raw(X), expected)


BOOSTERS: dict[str, lightgbm.Booster] = {}


def test_the_shapes_differ_in_what_they_take_for_missing() -> None:
    kinds = {shape: {bits & 14 for bits in decisions(grown(**SHAPES[shape]))} for shape in ("as trained by us", *list(SHAPES)[3:5])}
    assert kinds["as trained by us"] >= {8, 10}, "NaN goes left and right"
    assert kinds["NaN is read as 0"] <= {0, 2}
    assert kinds["zeros are missing"] == {4, 6}, "zeros go left and right"


def decisions(booster: lightgbm.Booster) -> list[int]:
    lines = [line.partition("=")[2] for line in booster.model_to_string().splitlines() if line.startswith("decision_type=")]
    return [int(number) for line in lines for number in line.split()]


def test_trees_without_a_split_are_their_value() -> None:
    booster = grown(min_data_in_leaf=1000)
    X = hard_rows(booster, 5, 1)
    np.testing.assert_array_equal(Forest.of(booster).raw(X), booster.predict(X, raw_score=True))


def test_only_the_best_rounds_count_where_training_stopped_early() -> None:
    booster = grown()
    booster.best_iteration = 3
    X = hard_rows(booster, 50, 1)
    found = Forest.of(booster)
    assert len(found.nodes.root) == 3
    np.testing.assert_array_equal(found.raw(X), booster.predict(X, raw_score=True))


def test_a_model_read_from_its_text_walks_alike() -> None:
    booster = grown()
    X = hard_rows(booster, 50, 1)
    again = lightgbm.Booster(model_str=booster.model_to_string())
    np.testing.assert_array_equal(Forest.of(again).raw(X), Forest.of(booster).raw(X))


@pytest.mark.parametrize("threads", [0, 2, 3, 7])
def test_threads_and_the_order_of_memory_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_threads, "LEAST_ROWS", 10)
    booster = grown()
    X, forest = hard_rows(booster, 1000, 1), Forest.of(grown())
    alone = forest.raw(X, threads=1)
    np.testing.assert_array_equal(forest.raw(X, threads), alone)
    np.testing.assert_array_equal(forest.raw(np.asfortranarray(X)[::-1], threads)[::-1], alone)
    np.testing.assert_array_equal(forest.raw(X[7:8], threads), alone[7:8])


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"read {COLUMNS} columns, got an array of shape \(2, 5\)"):
        Forest.of(grown()).raw(np.zeros((2, 5)))
