from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline.errors import SourceError
from pipeline.source.mapping import Column
from pipeline.source.rows import Rows
from pipeline.source.session import open_session
from pipeline.source.span import span
from pipeline.source.spool import Spool

FIRST, LAST = date(2026, 3, 28), date(2026, 3, 30)
TIME = Column("time")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_session(tmp_path / "spill", "Europe/Berlin") as opened:
        yield opened


def given(place: str, times: list[str | None], *, header: bool = True, column: str = "time", faults: dict[int, str] | None = None) -> Rows:
    """One row for each time, two to a chunk; `faults` by line."""
    wrong = faults or {}
    columns = {
        "line": pa.array(range(2, len(times) + 2), pa.int64()),
        "fault": pa.array([wrong.get(line) for line in range(2, len(times) + 2)], pa.string()),
        "text": pa.array([f"line {line}" if line in wrong else None for line in range(2, len(times) + 2)], pa.string()),
        "c0": pa.array(times, pa.string()),
        "c1": pa.array(range(len(times)), pa.int16()),
    }
    table = pa.table(columns)
    return Rows(place, {column: "text", "n": "int16"}, header, iter([table.slice(start, 2) for start in range(0, len(times), 2)]))


def lines(found: Iterator[Rows]) -> dict[str, list[tuple[int, str | None, str | None, str | None]]]:
    return {
        rows.place: [
            (row["line"], row["text"], row["c0"], row["c1"]) for chunk in rows.chunks for row in chunk.to_pylist() if chunk.num_columns == 5
        ]
        for rows in found
    }


def test_rows_come_back_day_by_day_in_their_order(session: duckdb.DuckDBPyConnection) -> None:
    spool = Spool(session, "s")
    times = [
        "2026-03-29 10:00",
        "2026-03-30",
        "2026-03-29T00:00:00",
        "2026-03-27 23:59",
        "2026-03-31 00:00",
        "2026-03-28T23:30Z",
        "?",
        None,
    ]
    spool.add(given("a.csv", times), TIME, span(FIRST, LAST, "event_time", "Europe/Berlin"))
    assert {
        day: lines(spool.within(span(day, day, "event_time", "Europe/Berlin"))) for day in (date(2026, 3, d) for d in range(27, 32))
    } == {
        date(2026, 3, 27): {},
        date(2026, 3, 28): {},
        date(2026, 3, 29): {
            "a.csv": [(2, None, "2026-03-29 10:00", "0"), (4, None, "2026-03-29T00:00:00", "2"), (7, None, "2026-03-28T23:30Z", "5")]
        },
        date(2026, 3, 30): {"a.csv": [(3, None, "2026-03-30", "1")]},
        date(2026, 3, 31): {},
    }
    assert lines(spool.undated()) == {"a.csv": [(8, None, "?", "6"), (9, None, None, "7")]}


def test_a_line_at_fault_belongs_to_no_day_whatever_it_holds(session: duckdb.DuckDBPyConnection) -> None:
    spool = Spool(session, "s")
    spool.add(given("a.csv", ["2026-03-29", "2026-03-29"], faults={3: "broken"}), TIME, span(FIRST, LAST, "event_time", "UTC"))
    assert lines(spool.within(span(FIRST, LAST, "event_time", "UTC"))) == {"a.csv": [(2, None, "2026-03-29", "0")]}
    assert lines(spool.undated()) == {"a.csv": [(3, "line 3", "2026-03-29", "1")]}


def test_each_place_keeps_its_own_columns_and_lines(session: duckdb.DuckDBPyConnection) -> None:
    spool, other = Spool(session, "s"), Spool(session, "t")
    keep = span(FIRST, LAST, "event_time", "UTC")
    spool.add(given("a.csv", ["2026-03-29"]), TIME, keep)
    spool.add(given("b.csv", ["2026-03-30"]), TIME, keep)
    other.add(given("c.csv", ["2026-03-29"]), TIME, keep)
    assert list(lines(spool.within(keep))) == ["a.csv", "b.csv"]
    assert list(lines(other.within(keep))) == ["c.csv"]
    assert lines(spool.undated()) == {}
    (rows,) = other.within(keep)
    assert (dict(rows.columns), rows.header) == ({"time": "text", "n": "int16"}, True)


def test_a_column_that_is_declared_missing_is_named(session: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SourceError, match=r"a\.csv has no column 'time' \(for event_time\)"):
        Spool(session, "s").add(given("a.csv", ["2026-03-29"], column="when"), TIME, span(FIRST, LAST, "event_time", "UTC"))


def test_a_column_that_no_line_has_is_empty(session: duckdb.DuckDBPyConnection) -> None:
    spool = Spool(session, "s")
    spool.add(given("a.jsonl", ["2026-03-29"], column="when", header=False), TIME, span(FIRST, LAST, "event_time", "UTC"))
    assert lines(spool.undated()) == {"a.jsonl": [(2, None, "2026-03-29", "0")]}


def test_typed_times_are_instants_in_utc(session: duckdb.DuckDBPyConnection) -> None:
    spool, keep = Spool(session, "s"), span(FIRST, LAST, "event_time", "Europe/Berlin")
    for kind, place in ((pa.timestamp("us"), "naive"), (pa.timestamp("us", tz="Europe/Berlin"), "aware")):
        time = pa.array([datetime(2026, 3, 28, 23, 30, tzinfo=UTC)]).cast(pa.timestamp("us", tz="UTC"))
        typed = (time.cast(pa.int64()).cast(pa.timestamp("us")) if kind.tz is None else time).cast(kind)
        nothing = pa.nulls(1, pa.string())
        chunk = pa.table({"line": pa.array([1], pa.int64()), "fault": nothing, "text": nothing, "c0": typed})
        spool.add(Rows(place, {"time": str(kind)}, True, iter([chunk])), TIME, keep)
    day = date(2026, 3, 29)
    assert [rows.place for rows in spool.within(span(day, day, "event_time", "Europe/Berlin"))] == ["aware"]


def test_reading_that_failed_can_begin_anew(session: duckdb.DuckDBPyConnection) -> None:
    def breaking() -> Iterator[pa.Table]:
        yield from given("a.csv", ["2026-03-29", "2026-03-29"]).chunks
        raise SourceError("a.csv is damaged")

    spool, keep = Spool(session, "s"), span(FIRST, LAST, "event_time", "UTC")
    with pytest.raises(SourceError, match="damaged"):
        spool.add(Rows("a.csv", {"time": "text", "n": "int16"}, True, breaking()), TIME, keep)
    assert lines(spool.within(keep)) == {}
    spool.add(given("a.csv", ["2026-03-29"]), TIME, keep)
    assert len(lines(spool.within(keep))["a.csv"]) == 1


SPOOLED = """
import resource, sys
import pyarrow as pa
from pathlib import Path
from pipeline.source.mapping import Column
from pipeline.source.reading import SPOOL_MEMORY
from pipeline.source.rows import Rows
from pipeline.source.session import open_session
from pipeline.source.span import Span
from pipeline.source.spool import Spool

def chunks():
    for start in range(0, int(sys.argv[2]), 100_000):
        lines = range(start, start + 100_000)
        nothing = pa.nulls(100_000, pa.string())
        note = pa.array([f"{line:0150d}" for line in lines])
        yield pa.table({"line": pa.array(lines, pa.int64()), "fault": nothing, "text": nothing, "c0": pa.array(["2026-03-29"] * 100_000), "c1": note})

with open_session(Path(sys.argv[1]), "UTC", memory=SPOOL_MEMORY) as session:
    spool = Spool(session, "s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spool.add(Rows("made", {"time": "text", "note": "text"}, True, chunks()), Column("time"), Span(0, 2**62))
    following = 0
    for rows in spool.within(Span(0, 2**62)):
        for chunk in rows.chunks:
            assert chunk["line"].equals(pa.chunked_array([pa.array(range(following, following + chunk.num_rows))]))
            following += chunk.num_rows
    print(following, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_more_rows_than_memory_are_put_aside_and_come_back(tmp_path: Path) -> None:
    """Rows of 170 bytes through 256 MiB, all of one day: three times as many take no more."""
    grown = {}
    for many in (3_000_000, 9_000_000):
        done = subprocess.run([sys.executable, "-c", SPOOLED, str(tmp_path), str(many)], check=True, capture_output=True, text=True)
        found, grown[many] = map(int, done.stdout.split())
        assert found == many
    assert grown[9_000_000] - grown[3_000_000] < 100, grown
