from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.tree_text import MISSING_NAN, MISSING_NONE, MISSING_ZERO, trees
from tests.models.grown import grown

HEAD = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=regression
feature_names=threshold leaf_value average_output
feature_infos=none none none
"""
"""The names are those of fields: LightGBM lists them again behind the trees, with how often they are used."""

THREE_SPLITS = """num_leaves=4
num_cat=0
split_feature=2 0 2
split_gain=9 4 1
threshold=0.30000000000000004 inf -1.0000000180025095e-35
decision_type=10 8 4
left_child=1 2 -1
right_child=-2 -3 -4
leaf_value=0.1 -2.5 5e-324 1.7976931348623157e+308
leaf_weight=0.5 2 1 1.5
leaf_count=1 4 2 3
internal_value=0 0 0
internal_weight=5 3 2
internal_count=10 6 4
is_linear=0
shrinkage=0.1
"""

NO_SPLIT = """num_leaves=1
num_cat=0
split_feature=
split_gain=
threshold=
decision_type=
left_child=
right_child=
leaf_value=0.25
leaf_weight=
leaf_count=
internal_value=
internal_weight=
internal_count=
is_linear=0
shrinkage=1
"""


def stump(decision: int, threshold: float, value: float) -> str:
    return f"""num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold={threshold!r}
decision_type={decision}
left_child=-1
right_child=-2
leaf_value=0 {value!r}
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1
"""


def written(*bodies: str) -> lightgbm.Booster:
    parts = [f"Tree={number}\n{body}\n\n" for number, body in enumerate(bodies)]
    return lightgbm.Booster(model_str="\n".join([HEAD, *parts, "end of trees\n"]))


def test_every_number_of_a_tree_is_as_written() -> None:
    (tree,) = trees(written(THREE_SPLITS))
    assert tree.column.tolist() == [2, 0, 2]
    assert tree.threshold.tolist() == [0.1 + 0.2, np.inf, float(-np.float32(1e-35))]
    assert tree.missing.tolist() == [MISSING_NAN, MISSING_NAN, MISSING_ZERO]
    assert tree.default_left.tolist() == [True, False, False]
    assert tree.left.tolist() == [1, 2, ~0]
    assert tree.right.tolist() == [~1, ~2, ~3]
    assert tree.split_rows.tolist() == [10, 6, 4]
    assert tree.leaf_rows.tolist() == [1, 4, 2, 3]
    assert tree.value.tolist() == [0.1, -2.5, 5e-324, np.finfo(np.float64).max]
    kinds = {"missing": "int64", "default_left": "bool", "column": "int64", "left": "int64", "right": "int64"}
    assert {name: str(found.dtype) for name, found in vars(tree).items()} == {name: kinds.get(name, "float64") for name in vars(tree)}


@pytest.mark.parametrize(
    ("decision", "missing", "default_left"),
    [
        (0, MISSING_NONE, False),
        (2, MISSING_NONE, True),
        (4, MISSING_ZERO, False),
        (6, MISSING_ZERO, True),
        (8, MISSING_NAN, False),
        (10, MISSING_NAN, True),
    ],
)
def test_what_a_split_takes_for_missing(decision: int, missing: int, default_left: bool) -> None:
    booster = written(stump(decision, -1.0, 1.0), stump(decision, 1.0, 2.0))
    found = trees(booster)
    assert [(tree.missing.item(), tree.default_left.item()) for tree in found] == [(missing, default_left)] * 2
    # Right of -1 only is 1; a missing number goes to the same side of both: 0 or 3.
    side = 0.0 if default_left else 3.0
    said = booster.predict(np.array([[0.0, 0, 0], [np.nan, 0, 0]])).tolist()
    assert said == {MISSING_NONE: [1.0, 1.0], MISSING_ZERO: [side, side], MISSING_NAN: [1.0, side]}[missing]


@pytest.mark.parametrize("booster", [written(NO_SPLIT), grown(min_data_in_leaf=1000, rounds=1)], ids=["written", "trained"])
def test_a_tree_without_a_split_is_one_leaf(booster: lightgbm.Booster) -> None:
    (tree,) = trees(booster)
    splits = (tree.column, tree.threshold, tree.missing, tree.default_left, tree.left, tree.right, tree.split_rows)
    assert [len(of_splits) for of_splits in splits] == [0] * 7
    assert (len(tree.leaf_rows), tree.most_columns) == (1, 0)
    assert tree.value.tolist() == booster.predict(np.zeros((1, booster.num_feature())), raw_score=True).tolist()


def test_trees_come_in_their_order_and_nothing_behind_them_is_read() -> None:
    bodies = [stump(2, float(number), number + 0.5) for number in range(12)]
    found = trees(written(NO_SPLIT, *bodies))
    assert [tree.threshold.tolist() for tree in found] == [[], *([float(number)] for number in range(12))]
    assert [tree.value.tolist() for tree in found] == [[0.25], *([0.0, number + 0.5] for number in range(12))]


def test_only_the_best_rounds_are_read_where_training_stopped_early() -> None:
    booster = written(*(stump(2, float(number), 1.0) for number in range(5)))
    booster.best_iteration = 3
    assert [tree.threshold.item() for tree in trees(booster)] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("columns", "most"),
    [("1 1 1", 1), ("1 0 1", 2), ("1 0 0", 2), ("2 0 1", 3)],
)
def test_the_most_columns_on_a_way_of_three_splits(columns: str, most: int) -> None:
    (tree,) = trees(written(THREE_SPLITS.replace("split_feature=2 0 2", f"split_feature={columns}")))
    assert tree.most_columns == most


def test_columns_side_by_side_are_not_on_one_way() -> None:
    beside = THREE_SPLITS.replace("left_child=1 2 -1", "left_child=1 -1 -3").replace("right_child=-2 -3 -4", "right_child=2 -2 -4")
    (tree,) = trees(written(beside.replace("split_feature=2 0 2", "split_feature=2 0 1")))
    assert tree.most_columns == 2


@pytest.mark.parametrize(
    ("settings_", "complaint"),
    [
        ({"linear_tree": True}, "leaves of one value"),
        ({"categories": [1], "min_data_per_group": 1, "cat_smooth": 0.0}, "Splits at a threshold"),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, "averages them"),
        ({"objective": "multiclass", "num_class": 2}, "one output is read, this one has 2"),
    ],
)
def test_what_is_more_than_a_sum_of_plain_trees_is_refused(settings_: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        trees(grown(**settings_))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("decision_type=0", "decision_type=1\ncat_boundaries=0 1\ncat_threshold=1"),
        ("is_linear=0", "is_linear=1\nleaf_const=0 1\nnum_features=0 0"),
    ],
    ids=["categorical", "linear"],
)
def test_the_tree_that_is_refused_is_named(line: str, instead: str) -> None:
    plain = stump(0, 0.0, 1.0)
    other = plain.replace(line, instead).replace("num_cat=0", f"num_cat={int('cat' in instead)}")
    with pytest.raises(ValueError, match="tree 1 has others"):
        trees(written(plain, other, plain))


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=100, deadline=None)
@given(threshold=FINITE, value=FINITE)
@example(threshold=np.nextafter(0.3, 0), value=5e-324)
@example(threshold=-np.finfo(np.float64).max, value=1 / 3)
def test_no_number_is_rounded(threshold: float, value: float) -> None:
    (tree,) = trees(written(stump(2, float(threshold), value)))
    assert (tree.threshold.item(), tree.value.tolist()) == (threshold, [0.0, value])
