from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipeline.errors import PublishRefused
from pipeline.warehouse.schema import DOUBLE, INSTANT, INTEGER, TEXT, Column, Table, conform

TABLE = Table(
    "t",
    "A table.",
    ("day", "name"),
    (
        Column("day", INSTANT, "Day."),
        Column("name", TEXT, "Name."),
        Column("size", INTEGER, "Size."),
        Column("share", DOUBLE, "Share.", optional=True),
    ),
)
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def test_rows_get_the_tables_order_and_types_and_constants_fill_columns() -> None:
    rows = pa.table({"size": pa.array([3, 4], pa.int64()), "name": pa.array(["a", "b"], pa.large_string()).dictionary_encode()})
    found = conform(TABLE, rows, {"day": DAY})
    assert found.schema == TABLE.arrow
    assert found.to_pylist() == [
        {"day": DAY, "name": "a", "size": 3, "share": None},
        {"day": DAY, "name": "b", "size": 4, "share": None},
    ]


def test_no_rows_are_rows_too() -> None:
    assert conform(TABLE, TABLE.arrow.empty_table(), {"day": DAY}).schema == TABLE.arrow


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"name": ["a"]}, r"lack the column size"),
        ({"name": ["a"], "size": [1], "colour": ["red"]}, r"unknown columns colour"),
        ({"name": [None, "a", None], "size": [1, 2, 3]}, r"t\.name is null in 2 of 3 rows"),
        ({"name": ["a"], "size": ["many"]}, r"t\.size holds string values that are not int32"),
        ({"name": ["a"], "size": [2**40]}, r"t\.size holds int64 values that are not int32"),
        ({"name": ["a\0b"], "size": [1]}, r"t\.name holds text with a NUL"),
        ({"day": [datetime(2026, 3, 2, tzinfo=UTC)], "name": ["a"], "size": [1]}, r"t\.day is to be .* in every row"),
    ],
)
def test_rows_that_do_not_fit_are_refused(columns: dict[str, list[object]], message: str) -> None:
    rows = pa.table(columns) if columns["name"][0] is not None else pa.table({**columns, "name": pa.array(columns["name"], pa.string())})
    with pytest.raises(PublishRefused, match=message):
        conform(TABLE, rows, {"day": DAY})


def test_a_constant_that_the_rows_repeat_is_accepted() -> None:
    rows = pa.table({"day": [DAY], "name": ["a"], "size": [1]})
    assert conform(TABLE, rows, {"day": DAY}).num_rows == 1
