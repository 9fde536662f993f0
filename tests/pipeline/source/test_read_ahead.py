from __future__ import annotations

import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from pipeline.source.read_ahead import ahead


def numbered(count: int, made: list[int], *, fails_at: int = -1) -> Iterator[pa.Table]:
    for number in range(count):
        if number == fails_at:
            raise OSError("gone")
        made.append(number)
        yield pa.table({"n": [number]})


def test_the_tables_come_in_order() -> None:
    with ahead(numbered(5, [])) as tables:
        assert [table["n"][0].as_py() for table in tables] == [0, 1, 2, 3, 4]


def test_none_are_none() -> None:
    with ahead(numbered(0, [])) as tables:
        assert list(tables) == []


def test_only_one_is_made_ahead_and_the_thread_ends_with_the_block() -> None:
    made: list[int] = []
    with ahead(numbered(9, made)) as tables:
        next(tables)
    assert made == [0, 1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


def test_an_error_comes_where_its_table_would_have() -> None:
    with ahead(numbered(5, [], fails_at=2)) as tables:
        assert [next(tables)["n"][0].as_py() for _ in range(2)] == [0, 1]
        with pytest.raises(OSError, match="gone"):
            next(tables)
