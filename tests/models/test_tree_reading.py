from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.tree_reading import MOST, NEAR_ZERO, Readings, read, readings
from models.tree_text import MISSING_NAN, MISSING_NONE, MISSING_ZERO, Tree, trees

ABOVE_ZERO = np.nextafter(NEAR_ZERO, 1)

STUMP = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=regression
feature_names=x
feature_infos=none

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold={threshold!r}
decision_type={decision}
left_child=-1
right_child=-2
leaf_value=0 1
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1


end of trees
"""
"""Says 1 of what goes right, 0 of what goes left."""


def tree(*splits: tuple[int, int, bool]) -> Tree:
    """A chain of splits at 0, each by (column, missing, default_left)."""
    m = len(splits)
    return Tree(
        column=np.array([column for column, _, _ in splits], dtype=np.int64),
        threshold=np.zeros(m),
        missing=np.array([missing for _, missing, _ in splits], dtype=np.int64),
        default_left=np.array([left for _, _, left in splits], dtype=np.bool_),
        left=np.append(np.arange(1, m), ~0)[:m],
        right=~np.arange(1, m + 1),
        split_rows=np.arange(m, 0, -1) + 1.0,
        leaf_rows=np.ones(m + 1),
        value=np.zeros(m + 1),
    )


def seen(x: float, of: Readings) -> list[float]:
    block = np.full((len(of.column), 1), np.nan)
    read(np.array([[x]]), 0, 1, of, block)
    return block[:, 0].tolist()


def test_each_way_of_reading_is_kept_once() -> None:
    grown = [
        tree((4, MISSING_NAN, True), (4, MISSING_NAN, False), (0, MISSING_NAN, True), (4, MISSING_NAN, True)),
        tree((4, MISSING_ZERO, True), (4, MISSING_NAN, False), (4, MISSING_ZERO, False)),
    ]
    found, chosen = readings(grown)
    assert found.column.tolist() == [4, 4, 0, 4, 4]
    assert found.fill.tolist() == [-np.inf, np.inf, -np.inf, -np.inf, np.inf]
    assert found.zeros.tolist() == [False, False, False, True, True]
    assert [each.tolist() for each in chosen] == [[0, 1, 2, 0], [3, 1, 4]]


def test_where_nothing_is_missing_the_default_side_does_not_matter() -> None:
    found, chosen = readings([tree((1, MISSING_NONE, True), (1, MISSING_NONE, False))])
    assert (found.column.tolist(), found.fill.tolist(), found.zeros.tolist()) == ([1], [0.0], [False])
    assert chosen[0].tolist() == [0, 0]


@pytest.mark.parametrize("grown", [[], [tree()], [tree(), tree()]], ids=["no tree", "a leaf", "two leaves"])
def test_trees_without_splits_read_nothing(grown: list[Tree]) -> None:
    found, chosen = readings(grown)
    assert [len(each) for each in found] == [0, 0, 0]
    assert [str(each.dtype) for each in found] == ["int64", "float64", "bool"]
    assert [(len(each), str(each.dtype)) for each in chosen] == [(0, "int64")] * len(grown)


EVERY, _ = readings(
    [
        tree(
            (0, MISSING_NONE, True),
            (0, MISSING_NAN, True),
            (0, MISSING_NAN, False),
            (0, MISSING_ZERO, True),
            (0, MISSING_ZERO, False),
        )
    ]
)
"""All five readings of one column."""


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (2.5, [2.5] * 5),
        (-2.5, [-2.5] * 5),
        (np.nan, [0.0, -np.inf, np.inf, -np.inf, np.inf]),
        (0.0, [0.0, 0.0, 0.0, -np.inf, np.inf]),
        (-0.0, [0.0, 0.0, 0.0, -np.inf, np.inf]),
        (5e-324, [0.0, 0.0, 0.0, -np.inf, np.inf]),
        (NEAR_ZERO, [0.0, 0.0, 0.0, -np.inf, np.inf]),
        (-NEAR_ZERO, [0.0, 0.0, 0.0, -np.inf, np.inf]),
        (ABOVE_ZERO, [ABOVE_ZERO] * 5),
        (-ABOVE_ZERO, [-ABOVE_ZERO] * 5),
        (np.inf, [MOST] * 5),
        (MOST, [MOST] * 5),
        (-np.inf, [-np.inf] * 5),
    ],
)
def test_a_number_as_each_reading_sees_it(x: float, expected: list[float]) -> None:
    assert seen(x, EVERY) == expected


def test_rows_of_a_block_are_read_from_the_first_on_and_the_rest_is_left() -> None:
    X = np.array([[1.0, 10, 100], [2.0, np.nan, 200], [3.0, 30, 300], [4.0, 40, 400]])
    of, _ = readings([tree((2, MISSING_NAN, True), (1, MISSING_NAN, False))])
    for matrix in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        block = np.full((2, 4), -7.0)
        read(matrix, 1, 2, of, block)
        assert block.tolist() == [[200, 300, -7, -7], [np.inf, 30, -7, -7]]


def goes_right(x: float, threshold: float, decision: int) -> tuple[bool, bool]:
    """Whether x goes right by its reading, and by LightGBM."""
    booster = lightgbm.Booster(model_str=STUMP.format(threshold=float(threshold), decision=decision))
    (number,) = seen(x, readings(trees(booster))[0])
    return number > min(threshold, MOST), bool(booster.predict(np.array([[x]])).item())


DECISIONS = [0, 2, 4, 6, 8, 10]
EDGES = [np.nan, 0.0, -0.0, NEAR_ZERO, -NEAR_ZERO, ABOVE_ZERO, -ABOVE_ZERO, 1e300, -1e300, MOST, np.inf, -np.inf]


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("threshold", [-np.inf, -1e300, -1.0, -NEAR_ZERO, 0.0, NEAR_ZERO, 1.0, 1e300, np.inf])
def test_a_split_that_asks_only_whether_it_is_more_sends_each_row_where_lightgbm_does(decision: int, threshold: float) -> None:
    went = [goes_right(x, threshold, decision) for x in EDGES]
    assert [by_reading for by_reading, _ in went] == [by_library for _, by_library in went]


def test_only_the_missing_are_above_a_threshold_of_infinity() -> None:
    assert [goes_right(x, np.inf, 8) for x in (np.inf, MOST, 0.0, np.nan)] == [(False, False)] * 3 + [(True, True)]
    assert goes_right(np.nan, np.inf, 10) == (False, False)


# LightGBM learns no finite threshold beyond 1e300.
@settings(max_examples=150, deadline=None)
@given(
    x=st.floats(),
    threshold=st.floats(-1e300, 1e300) | st.just(np.inf),
    decision=st.sampled_from(DECISIONS),
    at_threshold=st.booleans(),
)
@example(x=0.0, threshold=-5e-324, decision=4, at_threshold=True)
def test_a_reading_is_above_a_threshold_where_lightgbm_goes_right(x: float, threshold: float, decision: int, at_threshold: bool) -> None:
    by_reading, by_library = goes_right(threshold if at_threshold else x, threshold, decision)
    assert by_reading == by_library
