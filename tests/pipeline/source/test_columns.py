from __future__ import annotations

import pytest

from pipeline.errors import SourceError
from pipeline.source.columns import by_name


def test_columns_keep_their_order_and_types() -> None:
    assert list(by_name("day.csv", ["b", "", "a"], ["text", "int64", "date"]).items()) == [("b", "text"), ("", "int64"), ("a", "date")]


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(SourceError, match=r"day\.csv has the column 'a', 'b' more than once"):
        by_name("day.csv", ["b", "a", "b", "a", "c"], ["text"] * 5)
