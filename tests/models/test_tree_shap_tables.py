from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import tree_shap_tables
from models.tree_shap_tables import BITS, Part, parts
from models.tree_text import MISSING_NAN, Tree, trees
from tests.models.grown import grown

TWO_SPLITS = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=a b
feature_infos=none none

Tree=0
num_leaves=3
num_cat=0
split_feature=0 {second}
split_gain=2 1
threshold=0 {threshold}
decision_type=8 8
left_child=1 -1
right_child=-3 -2
leaf_value=8 4 0
leaf_weight=1 3 4
leaf_count=1 3 4
internal_value=2.5 5
internal_weight=8 4
internal_count=8 4
is_linear=0
shrinkage=1


end of trees
"""
"""8 rows, half of them left at 0 of column 0; of those, one in four left at the second split: 8, three to its right: 4. Others: 0."""


def chain(columns: list[int], value: float) -> Tree:
    """A leaf of this value at the end of splits at 0 by these columns, each time to the left where half of the rows go; others are 0."""
    m = len(columns)
    return Tree(
        column=np.array(columns),
        threshold=np.zeros(m),
        missing=np.full(m, MISSING_NAN),
        default_left=np.zeros(m, dtype=bool),
        left=np.array([*range(1, m), ~0]),
        right=~np.arange(1, m + 1),
        split_rows=64 / 2.0 ** np.arange(m),
        leaf_rows=np.array([64 / 2.0**m, *(64 / 2.0 ** np.arange(1, m + 1))]),
        value=np.array([value, *[0.0] * m]),
    )


def test_the_table_of_a_stump_by_hand() -> None:
    (part,) = parts(chain([3], 8.0))
    assert (part.questions, part.columns) == ([[(0, True)]], [3])
    assert part.table.tolist() == [[4.0, -4.0]], "left: 8, of which 4 were to be expected; right: 0"


def test_two_columns_share_what_they_do_together() -> None:
    (part,) = parts(chain([0, 1], 8.0))
    # Answers 0: left twice, 8, from an expected 2: 3 each. Answers 1: right at the first split, whatever the second would say.
    assert part.table.tolist() == [[3.0, -3.0, 1.0, -1.0], [3.0, 1.0, -3.0, -1.0]]


def two_splits(second: int, threshold: float = 0.0) -> lightgbm.Booster:
    return lightgbm.Booster(model_str=TWO_SPLITS.format(second=second, threshold=threshold))


def test_two_splits_by_hand() -> None:
    # Known columns, on the way left-left: none 2.5, the first 5, the second (8 + 0) / 2 = 4, both 8.
    # So the first gets ((5 - 2.5) + (8 - 4)) / 2 = 3.25 and the second ((4 - 2.5) + (8 - 5)) / 2 = 2.25. Left-right: 2.5, 5, 2, 4.
    # Right-left: 2.5, 0, 4, 0. Right-right: 2.5, 0, 2, 0.
    (part,) = parts(trees(two_splits(1))[0])
    assert (part.questions, part.columns) == ([[(0, True)], [(1, True)]], [0, 1])
    left_left, right_left, left_right, right_right = range(4)
    expected_ = {left_left: [3.25, 2.25], right_left: [-3.25, 0.75], left_right: [2.25, -0.75], right_right: [-2.25, -0.25]}
    assert {answers: part.table[:, answers].tolist() for answers in range(4)} == expected_


def test_two_splits_of_one_column_by_hand() -> None:
    # All that the tree says beyond the mean of 2.5 is the column's, also where the second split would go left below the first's right.
    (part,) = parts(trees(two_splits(0, -1.0))[0])
    assert (part.questions, part.columns) == ([[(0, True)], [(1, True)]], [0])
    assert part.table.tolist() == [[5.5, -2.5, 1.5, -2.5]]


@pytest.mark.parametrize("bits", [0, 1, 2, BITS])
@pytest.mark.parametrize(("second", "threshold"), [(1, 0.0), (0, -1.0)])
def test_two_splits_as_the_library_explains_them(second: int, threshold: float, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_shap_tables, "BITS", bits)
    booster = two_splits(second, threshold)
    (tree,) = trees(booster)
    X = np.array([[x, y] for x in (-2.0, -0.5, 2.0) for y in (-2.0, 2.0)])
    theirs = booster.predict(X, pred_contrib=True)
    assert theirs[:, -1].tolist() == [2.5] * 6
    for row, expected_ in zip(X, theirs[:, :-1], strict=True):
        assert contribution(list(parts(tree)), tree, row) == pytest.approx(expected_, abs=1e-12)


def test_a_leaf_alone_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_shap_tables, "BITS", 1)
    eight, four, zero = parts(trees(two_splits(1))[0])
    assert [part.columns for part in (eight, four, zero)] == [[0, 1], [0, 1], [0]]
    assert eight.questions == [[(0, False)], [(1, False)]], "a yes agrees with the way to the leaf"
    assert four.questions == [[(0, False)], [(1, True)]]
    assert zero.questions == [[(0, True)]]
    # Known columns, where both agree: none 8 / 2 / 4 = 1, the first 2, the second 4, both 8. One that disagrees: 0 once it is known.
    assert eight.table.tolist() == [[-0.5, 0.5, -2.5, 2.5], [-0.5, -1.5, 1.5, 4.5]]
    # None 4 / 2 * 3 / 4 = 1.5, the first 3, the second 2, both 4.
    assert four.table.tolist() == [[-0.75, 0.75, -1.75, 1.75], [-0.75, -2.25, 0.25, 0.75]]
    assert zero.table.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("bits", [0, 3, 12])
@pytest.mark.parametrize("columns", [[0, 1, 0], [2, 1, 0, 1, 2], [0, 1, 2, 3, 4]])
def test_tables_are_the_definition_of_shapley_values(bits: int, columns: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_shap_tables, "BITS", bits)
    tree, players = chain(columns, 3.0), sorted(set(columns))
    for row in (np.array([-1.0, 1.0] * 3)[: len(players)], -np.ones(len(players)), np.ones(len(players))):
        found = contribution(list(parts(tree)), tree, row)
        for player in players:
            assert found[player] == pytest.approx(shapley(tree, row, players, player), abs=1e-12)


def shapley(tree: Tree, row: np.ndarray, players: list[int], player: int) -> float:
    others = [each for each in players if each != player]
    m, total = len(players), 0.0
    for size in range(m):
        for coalition in combinations(others, size):
            weight = factorial(size) * factorial(m - size - 1) / factorial(m)
            total += weight * (expected(tree, 0, row, {*coalition, player}) - expected(tree, 0, row, set(coalition)))
    return total


def expected(tree: Tree, node: int, row: np.ndarray, known: set[int]) -> float:
    """What the tree says of a row of which some columns are known: at the others, the mean of both ways by their training rows."""
    if node < 0:
        return float(tree.value[~node])
    ways = [int(tree.left[node]), int(tree.right[node])]
    if tree.column[node] in known:
        return expected(tree, ways[int(row[tree.column[node]] > tree.threshold[node])], row, known)
    rows = [tree.split_rows[way] if way >= 0 else tree.leaf_rows[~way] for way in ways]
    return float(sum(share * expected(tree, way, row, known) for share, way in zip(rows, ways, strict=True)) / tree.split_rows[node])


def contribution(found: list[Part], tree: Tree, row: np.ndarray) -> np.ndarray:
    """What the tables say of one row that has nothing missing: (F,)."""
    sums = np.zeros(len(row))
    for part in found:
        yes = [all((row[tree.column[split]] > tree.threshold[split]) == way for split, way in question) for question in part.questions]
        sums[part.columns] += part.table[:, sum(answer << bit for bit, answer in enumerate(yes))]
    return sums


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ([*range(BITS)], [BITS]),
        ([0] * BITS, [BITS]),
        # One split more: the columns above a node and the splits below it stay one too many, down to each leaf.
        ([*range(BITS + 1)], [*range(1, BITS + 2), BITS + 1]),
        # One question for the column above, however often it was split by: below two splits, all is one part.
        ([0] * (BITS + 1), [1, 1, BITS]),
    ],
)
def test_a_part_is_as_large_as_its_questions_allow(columns: list[int], asked: list[int]) -> None:
    found = list(parts(chain(columns, 1.0)))
    assert sorted(len(part.questions) for part in found) == asked
    assert all(part.table.shape == (len(part.columns), 1 << len(part.questions)) for part in found)


def test_each_leaf_of_a_deep_tree_is_in_one_part() -> None:
    tree = trees(grown(num_leaves=40, min_data_in_leaf=1, rounds=1))[0]
    leaves = np.eye(len(tree.value))
    assert len(leaves) == 40
    of_each = [list(parts(replace(tree, value=leaf))) for leaf in leaves]
    assert [sum(part.table.any() for part in found) for found in of_each] == [1] * 40
    assert 1 < len(of_each[0]) < 40, "most parts hold several leaves"
    assert max(len(part.questions) for part in of_each[0]) == BITS, "six columns on a way at most: no leaf asks more"


def test_a_tree_without_a_split_asks_nothing() -> None:
    (part,) = parts(trees(grown(min_data_in_leaf=1000, rounds=1))[0])
    assert (part.questions, part.columns, part.table.shape) == ([], [], (0, 1))


@st.composite
def any_tree(draw: st.DrawFn) -> Tree:
    """1 to 7 splits of 4 columns at -1, 0 or 1: each time some leaf becomes a split, its rows going left and right by some eighths."""
    kinds, children, rows = [], [], []
    place, leaf_rows = [(-1, 0)], [512.0]
    for split in range(draw(st.integers(1, 7))):
        leaf = draw(st.integers(0, split))
        above, side = place[leaf]
        if above >= 0:
            children[above][side] = split
        kinds.append((draw(st.integers(0, 3)), draw(st.integers(-1, 1))))
        children.append([~leaf, ~(split + 1)])
        rows.append(leaf_rows[leaf])
        leaf_rows.append(leaf_rows[leaf] * draw(st.integers(1, 7)) / 8)
        leaf_rows[leaf] -= leaf_rows[-1]
        place[leaf] = (split, 0)
        place.append((split, 1))
    m = len(kinds)
    return Tree(
        column=np.array([column for column, _ in kinds]),
        threshold=np.array([float(threshold) for _, threshold in kinds]),
        missing=np.full(m, MISSING_NAN),
        default_left=np.zeros(m, dtype=bool),
        left=np.array([left for left, _ in children]),
        right=np.array([right for _, right in children]),
        split_rows=np.array(rows),
        leaf_rows=np.array(leaf_rows),
        value=np.array(draw(st.lists(st.integers(-9, 9), min_size=m + 1, max_size=m + 1)), dtype=np.float64),
    )


@settings(max_examples=60, deadline=None)
@given(tree=any_tree(), row=st.lists(st.sampled_from([-1.5, -1.0, -0.5, 0.5, 1.5]), min_size=4, max_size=4), bits=st.integers(0, 9))
def test_any_tree_in_parts_of_any_size_is_explained_by_the_definition(tree: Tree, row: list[float], bits: int) -> None:
    numbers, players = np.array(row), [0, 1, 2, 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_shap_tables, "BITS", bits)
        found = contribution(list(parts(tree)), tree, numbers)
    assert found == pytest.approx([shapley(tree, numbers, players, player) for player in players], abs=1e-9)
    surprise = expected(tree, 0, numbers, {*players}) - expected(tree, 0, numbers, set())
    assert found.sum() == pytest.approx(surprise, abs=1e-9)
