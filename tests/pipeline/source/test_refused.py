from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.cutoff import Cutoff
from pipeline.config_source import Source
from pipeline.day_record import DayRecord
from pipeline.errors import ConfigError
from pipeline.source import refused as module
from pipeline.source.batch import REFUSED
from pipeline.source.delivery import Delivery
from pipeline.source.refused import deliveries, restore_places

DAY = date(2026, 1, 5)
BACK = Cutoff(datetime(2026, 1, 9, tzinfo=UTC))
COLUMNS = {"user_id": "u", "event_time": "t", "event_type": "k"}


def source(**files: str) -> Source:
    streams = {name: {"files": pattern, "columns": COLUMNS} for name, pattern in files.items()}
    return Source.model_validate({"event_types": ["view"], "streams": streams})


def file_of(tmp_path: Path, *rows: tuple[int, str, str, str]) -> pq.ParquetFile:
    """Rows as (row, stream, source_row, rule), a row group each."""
    names = ("row", "stream", "source_row", "rule")
    table = pa.table({name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
    table = table.append_column("reason", pa.array([f"broke {rule}" for rule in table["rule"].to_pylist()]))
    pq.write_table(table.append_column("place", table["reason"]), tmp_path / "refused.parquet", row_group_size=1)
    return pq.ParquetFile(tmp_path / "refused.parquet")


def record(columns: Mapping[str, Mapping[str, str]]) -> DayRecord:
    return DayRecord(DAY, "run", 1, 0, 1, 0, 0, columns=columns)


def rows_of(delivery: Delivery) -> list[dict[str, Any]]:
    return [row for chunk in delivery.rows.chunks for row in chunk.to_pylist()]


def read(file: pq.ParquetFile, of: Source, columns: Mapping[str, Sequence[str]]) -> list[tuple[Delivery, list[dict[str, Any]]]]:
    known = {name: dict.fromkeys(found, "text") for name, found in columns.items()}
    with file:
        return [(each, rows_of(each)) for each in deliveries(of, record(known), file, BACK)]


def test_a_row_is_what_the_source_brought(tmp_path: Path) -> None:
    text = json.dumps({"u": "7", "t": "", "odd \"name'": None, "nul": "a\0b"})
    ((delivery, rows),) = read(
        file_of(tmp_path, (812, "a", text, "event_time_missing")), source(a="a/{date}.csv"), {"a": ["u", "t", "odd \"name'", "nul"]}
    )
    assert (delivery.stream, delivery.available_from, delivery.rows.header) == ("a", BACK, True)
    assert rows == [{"line": 812, "fault": None, "text": text, "c0": "7", "c1": "", "c2": None, "c3": "a\0b"}]
    assert delivery.rows.place == "refused rows of 2026-01-05"


def test_a_line_at_fault_stays_at_fault(tmp_path: Path) -> None:
    ((_, rows),) = read(file_of(tmp_path, (3, "a", json.dumps({"line": 'u1,"'}), "line")), source(a="a/{date}.csv"), {"a": ["line"]})
    assert rows == [{"line": 3, "fault": "broke line", "text": 'u1,"', "c0": None}]


def test_a_json_line_is_read_as_one(tmp_path: Path) -> None:
    text = '{"u": 12.10, "t": {"at": [1, 2]}, "k": true}'
    ((delivery, rows),) = read(
        file_of(tmp_path, (9, "a", text, "value,event_type_unknown")), source(a="a/{date}.jsonl.gz"), {"a": ["u", "t", "k", "gone"]}
    )
    assert not delivery.rows.header
    assert rows == [{"line": 9, "fault": None, "text": text, "c0": "12.10", "c1": '{"at": [1, 2]}', "c2": "true", "c3": None}]


def test_each_stream_has_its_own_delivery_in_order_and_one_without_rows_has_none(tmp_path: Path) -> None:
    rows = [(2, "b", '{"x": "1"}', "r"), (5, "a", '{"y": "2"}', "r"), (6, "b", '{"x": "3"}', "r")]
    found = read(
        file_of(tmp_path, *rows), source(a="a/{date}.csv", b="b/{date}.csv", c="c/{date}.csv"), {"a": ["y"], "b": ["x"], "c": ["z"]}
    )
    assert [(each.stream, [(row["line"], row["c0"]) for row in own]) for each, own in found] == [
        ("a", [(5, "2")]),
        ("b", [(2, "1"), (6, "3")]),
    ]


def test_rows_of_a_stream_that_is_gone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2026-01-05 came in the stream 'a', which is not configured"):
        read(file_of(tmp_path, (2, "a", "{}", "r")), source(b="b/{date}.csv"), {"a": ["y"]})


@pytest.mark.parametrize("chunk_rows", [1, 3, 1_000])
@pytest.mark.parametrize("kept", [[], [2], [9, 10], list(range(2, 12)), [2, 5, 11]])
def test_rows_that_are_refused_again_keep_their_places(
    kept: list[int], chunk_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk_rows)

    def written(rows: Sequence[int], where: str) -> Path:
        text = {"stream": "s", "source_row": "{}", "reason": "r", "rule": "u"}
        path = tmp_path / f"{where}.parquet"
        pq.write_table(pa.Table.from_pylist([{"row": row, "place": f"{where} line {row}", **text} for row in rows], REFUSED), path)
        return path

    again = written(kept, "again")
    with pq.ParquetFile(written(range(2, 12), "first")) as before:
        restore_places(before, again)
    found = pq.read_table(again)
    assert found.schema.equals(REFUSED)
    assert list(zip(found["row"].to_pylist(), found["place"].to_pylist(), strict=True)) == [(row, f"first line {row}") for row in kept]
