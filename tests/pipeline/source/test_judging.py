from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipeline.config import Config
from pipeline.errors import SourceError
from pipeline.source.delivery import Delivery
from pipeline.source.rows import Rows
from tests.pipeline.source.judged import NAMES, TIME, delivery, judge, row

Configured = Callable[..., Config]
MAPPED = {"user_id": "user", "event_time": "time", "event_type": "kind"}
BACK = datetime(2026, 4, 5, 22, tzinfo=UTC)


def two_streams(configured: Configured) -> Config:
    return configured(streams={name: {"files": name + "/{date}.csv", "columns": MAPPED} for name in ("web", "till")})


def test_rows_are_numbered_on_from_one_delivery_to_the_next(configured: Configured) -> None:
    found = judge(
        two_streams(configured),
        delivery(row("a"), row(""), row("b"), row(""), stream="web", place="web/1.csv"),
        delivery(row(""), stream="web", lines=[9], place="web/2.csv"),
        delivery(row("c"), row(""), stream="till", place="till.csv", chunk=1),
    )
    assert [(each["row"], each["stream"], each["place"]) for each in found.refused] == [
        (3, "web", "web/1.csv line 3"),
        (5, "web", "web/1.csv line 5"),
        (14, "web", "web/2.csv line 9"),
        (17, "till", "till.csv line 3"),
    ]
    assert (found.record.rows, found.column("user_id")) == (
        7,
        sorted(found.column("user_id"), key=lambda user: found.by_user("bucket")[user]),
    )


def test_rows_that_come_back_keep_their_numbers(configured: Configured) -> None:
    found = judge(
        two_streams(configured),
        delivery(row(""), stream="web", lines=[40], back=BACK),
        delivery(row(""), stream="till", lines=[17], back=BACK),
    )
    assert sorted(found.rules) == [17, 40]


def test_refused_rows_keep_all_their_columns_as_text(configured: Configured) -> None:
    cells = ("", "soon", 'a"b', None, "x\0y", "=cmd()|' /C calc'!A0")
    (refused,) = judge(configured(columns=MAPPED), delivery(cells)).refused
    assert json.loads(refused["source_row"]) == dict(zip(NAMES, cells, strict=True))
    assert "\0" not in refused["source_row"] + refused["reason"]


def test_a_line_at_fault_is_kept_as_it_came(configured: Configured) -> None:
    found = judge(
        configured(),
        delivery(row("u1"), (None,) * 6, faults={3: "has 2 fields, the header 6"}, texts={3: 'u1,"torn'}),
    )
    (refused,) = found.refused
    assert (refused["rule"], refused["reason"], json.loads(refused["source_row"])) == (
        "line",
        "has 2 fields, the header 6",
        {"line": 'u1,"torn'},
    )


def test_a_json_line_is_kept_as_it_came(configured: Configured) -> None:
    text = '{"user": "", "time": 17, "deep": [1]}'
    (refused,) = judge(configured(columns=MAPPED), delivery(("", "17"), names=("user", "time"), texts={2: text}, header=False)).refused
    assert (refused["rule"], refused["source_row"]) == ("user_id_missing,event_time_unreadable,event_type_missing", text)


def test_columns_of_any_type_are_read_as_text(configured: Configured) -> None:
    columns = {
        "line": pa.array([1, 2], pa.int64()),
        "fault": pa.nulls(2),
        "text": pa.nulls(2),
        "c0": pa.array([7.0, 8.0]),
        "c1": pa.array([1_774_778_400_000_000, None], pa.timestamp("us")),
        "c2": pa.array(["view", "view"]).dictionary_encode(),
        "c3": pa.array(["1.50", "2.00"]).cast(pa.decimal128(9, 2)),
    }
    names = dict.fromkeys(("user", "time", "kind", "value"), "any")
    config = configured(columns={**MAPPED, "user_id": "integer(user)", "value": "value"})
    found = judge(config, Delivery("events", Rows("day.parquet", names, True, iter([pa.table(columns)]))))
    assert (found.column("user_id"), found.column("value")) == (["7"], [15_000])
    assert found.column("event_time") == [datetime(2026, 3, 29, 8, tzinfo=UTC)]
    assert found.rules == {2: "event_time_missing"}


def test_columns_are_recorded_by_stream(configured: Configured) -> None:
    found = judge(two_streams(configured), delivery(row("a"), stream="web"), delivery(row("b")[:3], names=NAMES[:3], stream="till"))
    assert found.record.columns == {"web": dict.fromkeys(NAMES, "text"), "till": dict.fromkeys(NAMES[:3], "text")}


def test_what_the_source_raises_reaches_the_caller(configured: Configured) -> None:
    def chunks() -> Iterator[pa.Table]:
        yield from delivery(row("u1")).rows.chunks
        raise SourceError("day.csv is cut off")

    rows = Rows("day.csv", dict.fromkeys(NAMES, "text"), True, chunks())
    with pytest.raises(SourceError, match="cut off"):
        judge(configured(), Delivery("events", rows))


def test_a_user_with_many_broken_rows_loses_none(configured: Configured) -> None:
    rows = [row("u1", TIME if number % 3 else "never", "view", str(number)) for number in range(100)]
    found = judge(configured(), delivery(*rows, chunk=7))
    assert sorted(found.rules) == list(range(2, 102, 3))
    assert found.record.accepted == 66


def test_a_column_may_change_its_type_between_chunks(configured: Configured) -> None:
    whole = next(delivery(row("u1"), chunk=9).rows.chunks)
    chunks = [
        whole.set_column(6, "c3", pa.array([cell])).set_column(0, "line", pa.array([line])) for line, cell in ((2, None), (3, "a"), (4, 7))
    ]
    found = judge(configured(), Delivery("events", Rows("day.jsonl", dict.fromkeys(NAMES, "text"), True, iter(chunks))))
    assert set(found.column("item_id")) == {None, "a", "7"}


def test_chunks_without_rows_are_passed_over(configured: Configured) -> None:
    chunks = list(delivery(row("u1"), row("")).rows.chunks)
    rows = Rows("day.csv", dict.fromkeys(NAMES, "text"), True, iter([chunks[0].slice(0, 0), *chunks, chunks[0].slice(0, 0)]))
    assert judge(configured(), Delivery("events", rows)).rules == {3: "user_id_missing"}


def test_lines_may_come_in_any_order(configured: Configured) -> None:
    found = judge(
        two_streams(configured), delivery(row(""), row("a"), row(""), stream="web", lines=[9, 2, 4]), delivery(row(""), stream="till")
    )
    assert sorted(found.rules) == [4, 9, 11]
