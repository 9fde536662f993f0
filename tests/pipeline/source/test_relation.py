from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import Config
from pipeline.source.mapping import Column, Literal
from pipeline.source.reading import open_source
from pipeline.source.relation import TimeColumn, all_rows, rows_of_day, time_column, undated_rows
from pipeline.source.rows import CHUNK_ROWS
from tests.pipeline.source.taken import rows

Configured = Callable[..., Config]
COLUMNS = {"user_id": "who", "event_time": "at", "event_type": "kind"}


@dataclass(frozen=True)
class Served:
    """A relation that notes what it is asked, and answers with the batches it was given."""

    columns: Mapping[str, str]
    answer: list[pa.RecordBatch]
    asked: list[tuple[str, str, Mapping[str, str]]]
    place: str = "table served"

    def bound(self, name: str) -> str:
        return f":{name}"

    def batches(self, select: str, where: str, bounds: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        self.asked.append((select, where, bounds))
        yield from self.answer


@pytest.mark.parametrize(
    ("kind", "compared"),
    [
        ("timestamp with time zone", "timestamptz"),
        ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
        ("timestamp without time zone", "timestamp"),
        ("TIMESTAMP_MS", "timestamp"),
        ("DATE", "timestamp"),
        ("TIMESTAMP_NS", None),  # ends below the microsecond
        ("text", None),
        ("time without time zone", None),
        ("bigint", None),
    ],
)
def test_only_a_column_of_times_says_the_day_by_itself(kind: str, compared: str | None) -> None:
    served = Served({"who": "text", "at": kind}, [], [])
    assert time_column(served, Column("at")) == (compared and TimeColumn("c1", compared))
    assert time_column(served, Literal("2026-01-05")) is None


def test_an_instant_is_asked_for_exactly() -> None:
    served = Served({"who": "text", "at": "timestamp with time zone"}, [], [])
    assert rows_of_day(served, TimeColumn("c1", "timestamptz"), date(2026, 3, 29), "event_time", "Europe/Berlin") is None
    assert served.asked == [
        (
            "CAST(c0 AS text) AS c0, CAST(c1 AS text) AS c1",
            "c1 >= CAST(:first AS timestamptz) AND c1 <= CAST(:last AS timestamptz)",
            {"first": "2026-03-28 23:00:00+00", "last": "2026-03-29 21:59:59.999999+00"},
        )
    ]


def test_rows_are_numbered_and_cut_to_chunks() -> None:
    many = pa.record_batch({"c0": pa.array(map(str, range(CHUNK_ROWS + 5)))})
    few = pa.record_batch({"c0": pa.array(["x", "y"])})
    found = all_rows(Served({"who": "text"}, [few.slice(0, 0), few, many], []))
    assert found is not None
    chunks = list(found.chunks)
    assert [chunk.num_rows for chunk in chunks] == [2, CHUNK_ROWS, 5]
    assert [line for chunk in chunks for line in chunk["line"].to_pylist()] == list(range(1, CHUNK_ROWS + 8))
    assert {(chunk["fault"].null_count, chunk["text"].null_count) for chunk in chunks} == {(chunk.num_rows,) * 2 for chunk in chunks}


def test_no_rows_are_nothing() -> None:
    served = Served(
        {"who": "text", "at": "date"}, [pa.record_batch({"c0": pa.array([], pa.string()), "c1": pa.array([], pa.string())})], []
    )
    assert all_rows(served) is None
    assert undated_rows(served, TimeColumn("c1", "timestamp")) is None


CHANGES = [datetime.fromisoformat(text) for text in ("2026-03-29", "2026-10-25", "2011-12-30", "2024-03-30T23:00", "2024-10-26T23:00")]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(
        st.builds(lambda change, hours: change + timedelta(hours=hours), st.sampled_from(CHANGES), st.floats(-50, 50)),
        min_size=1,
        max_size=20,
    ),
    zone=st.sampled_from(["Europe/Berlin", "America/Nuuk", "Pacific/Apia", "America/Havana"]),
    day_by=st.sampled_from(["event_time", "available_at"]),
    change=st.sampled_from(CHANGES),
)
def test_the_engine_and_the_text_say_the_same_day(
    times: list[datetime], zone: str, day_by: str, change: datetime, configured: Configured, tmp_path: Path
) -> None:
    """A native column is compared by the engine, a text read row by row: each row is in the same day, and in one only."""
    path = tmp_path / "shop.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute('CREATE TABLE native (who BIGINT, "at" TIMESTAMP, kind VARCHAR)')
        connection.executemany("INSERT INTO native VALUES (?, ?, 'view')", [(number, time) for number, time in enumerate(times)])
        connection.execute('CREATE VIEW texts AS SELECT * REPLACE ("at"::VARCHAR AS "at") FROM native')
    days = [change.date() + timedelta(days=number) for number in range(-3, 4)]
    found: dict[str, list[list[str | None]]] = {}
    for table in ("native", "texts"):
        config = configured(
            table=table, url="duckdb:///shop.duckdb", columns={**COLUMNS, "available_at": "at"}, day_by=day_by, time_zone=zone
        )
        with open_source(config, tmp_path / "spill", days[0], days[-1]) as source:
            found[table] = [[row[3][0] for each in rows(source.deliveries(day)).values() for row in each] for day in days]
    assert found["native"] == found["texts"]
    every = [who for day in found["native"] for who in day]
    assert len(every) == len(set(every))
