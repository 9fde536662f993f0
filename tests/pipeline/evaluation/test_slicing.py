from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.groups import UNKNOWN
from pipeline.evaluation.slicing import MOST_GROUPS, OTHER, Column, parts

NAN = float("nan")


def texts(*values: str | None) -> Column:
    return np.array(values, dtype=object)


def found(column: Column, edges: Sequence[float] | None = None) -> dict[str, list[int]]:
    return {part.value: part.rows.tolist() for part in parts({"c": column}, {} if edges is None else {"c": edges})}


def test_texts_come_by_number_of_users_then_by_the_alphabet_and_the_unknown_last() -> None:
    assert list(found(texts("b", None, "a", "c", "c", None, None)).items()) == [("c", [3, 4]), ("a", [2]), ("b", [0]), (UNKNOWN, [1, 5, 6])]


def test_a_text_that_says_unknown_means_what_nothing_means() -> None:
    assert list(found(texts(UNKNOWN, None, "a")).items()) == [("a", [2]), (UNKNOWN, [0, 1])]


def test_beyond_twenty_texts_the_rest_is_one_group() -> None:
    values = [f"g{place:02}" for place in range(23) for _ in range(2)] + ["g22", None, OTHER]
    groups = found(texts(*values))
    assert list(groups) == ["g22", *(f"g{place:02}" for place in range(MOST_GROUPS - 1)), OTHER, UNKNOWN]
    assert groups[OTHER] == [38, 39, 40, 41, 42, 43, 48]
    assert groups[UNKNOWN] == [47]


def test_twenty_texts_leave_no_rest() -> None:
    assert len(found(texts(*map(str, range(MOST_GROUPS))))) == MOST_GROUPS


def test_an_edge_belongs_to_the_band_above_it() -> None:
    values = np.array([7.0, 6.999, 30, NAN, -np.inf, np.inf, 29])
    assert list(found(values, (7, 30)).items()) == [("x < 7", [1, 4]), ("7 ≤ x < 30", [0, 6]), ("x ≥ 30", [2, 5]), (UNKNOWN, [3])]


def test_a_band_without_users_is_not_there() -> None:
    assert list(found(np.array([1.0, 40]), (7, 30))) == ["x < 7", "x ≥ 30"]


def test_without_edges_numbers_are_cut_into_thirds() -> None:
    assert found(np.arange(9.0)) == {"x < 3": [0, 1, 2], "3 ≤ x < 6": [3, 4, 5], "x ≥ 6": [6, 7, 8]}


def test_users_of_equal_value_stay_together() -> None:
    assert found(np.array([0.0, 0, 0, 0, 5, 0, 8])) == {"x < 5": [0, 1, 2, 3, 5], "x ≥ 5": [4, 6]}
    assert found(np.array([0.0, 1, 1, 1, 1, 1, 1])) == {"x < 1": [0], "x ≥ 1": [1, 2, 3, 4, 5, 6]}


@pytest.mark.parametrize(("values", "expected"), [([3.0, 3.0], {"all values": [0, 1]}), ([NAN, NAN], {UNKNOWN: [0, 1]})])
def test_one_value_alone_is_one_band_and_none_is_unknown(values: list[float], expected: dict[str, list[int]]) -> None:
    assert found(np.array(values)) == expected


def test_edges_that_were_not_given_have_no_more_digits_than_they_need() -> None:
    assert found(np.array([1 / 7, 2 / 7, 4 / 7])) == {"x < 0.2857": [0], "0.2857 ≤ x < 0.57": [1], "x ≥ 0.57": [2]}
    assert found(np.array([1000001.0, 1000002, 1000003]))["1000002 ≤ x < 1000003"] == [1]
    assert list(found(np.linspace(0, 35.5, 1000))) == ["x < 12", "12 ≤ x < 24", "x ≥ 24"]  # 11.8 and 23.7 would be exact


def test_columns_follow_each_other() -> None:
    there = parts({"one": texts("a", "b"), "two": np.array([1.0, 9.0])}, {"two": (5,)})
    assert [(part.column, part.value) for part in there] == [("one", "a"), ("one", "b"), ("two", "x < 5"), ("two", "x ≥ 5")]
    assert parts({}, {}) == []


def test_edges_are_for_numbers() -> None:
    with pytest.raises(ValueError, match=r"Column 'c' holds texts; edges \[1\.5\] are for numbers"):
        parts({"c": texts("a")}, {"c": (1.5,)})


VALUES = st.one_of(
    st.lists(st.sampled_from([None, "", "a", "b", OTHER, UNKNOWN, *map(str, range(30))]), min_size=1).map(lambda each: texts(*each)),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1).map(np.array),
)


@given(VALUES)
def test_every_user_is_in_exactly_one_part_of_a_column(values: Column) -> None:
    there = parts({"c": values}, {})
    rows = np.concatenate([part.rows for part in there])
    assert sorted(rows.tolist()) == list(range(len(values)))
    assert all(len(part.rows) and (np.diff(part.rows) > 0).all() for part in there)
    assert len({part.value for part in there}) == len(there) <= MOST_GROUPS + 2


def test_a_text_of_the_source_that_few_users_share_is_named_nowhere() -> None:
    values = np.array(["Norway"] * 10 + ["user-17"] * 9 + ["user-18"], dtype=object)
    assert [(part.value, len(part.rows)) for part in parts({"segment": values}, {})] == [("Norway", 10), ("(other)", 10)]
    assert [part.value for part in parts({"tenure": values}, {})] == ["Norway", "user-17", "user-18"]
