"""Raw rows against the rules, a chunk at a time: each becomes a row of the session's table `judged`, those that fail also of `refused`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config import Config
from pipeline.source.delivery import Delivery
from pipeline.source.verdicts import Verdicts, verdicts

TABLES = """
    CREATE TABLE judged (
        row BIGINT, broken BOOLEAN, kept BOOLEAN, returned BOOLEAN, identity UBIGINT,
        event_id VARCHAR, user_id VARCHAR, event_time BIGINT, available_at BIGINT, event_type VARCHAR,
        item_id VARCHAR, category VARCHAR, value BIGINT, session_id VARCHAR, segment VARCHAR, bucket INTEGER);
    CREATE TABLE refused (row BIGINT, stream VARCHAR, place VARCHAR, source_row VARCHAR, reason VARCHAR, rule VARCHAR)"""
"""judged: every row, its columns null or wrong where it is `broken`; times in microseconds.

kept      its stream keeps repeats
returned  it comes back from quarantine
identity  a hash of user_id and event_id: equal for equal events, and nearly always different for different ones
"""


@dataclass
class Tally:
    """What has been judged so far: rows, the greatest row number, and each stream's columns as found."""

    rows: int = 0
    last: int = 0
    columns: dict[str, Mapping[str, str]] = field(default_factory=dict)


def judge(session: duckdb.DuckDBPyConnection, config: Config, day: date, delivery: Delivery, tally: Tally) -> None:
    """Judge every row of the delivery and count it; rows that come back from quarantine keep their numbers.

    Raises ConfigError and SourceError as `verdicts` does, and what the source raises when a chunk is taken.
    """
    offset = 0 if delivery.available_from else tally.last
    found = verdicts(config, day, delivery, offset)
    tally.columns[delivery.stream] = {**delivery.rows.columns, **tally.columns.get(delivery.stream, {})}
    bench = _Bench(session, found)
    for chunk in filter(len, delivery.rows.chunks):
        first, last = (end.as_py() + offset for end in pc.min_max(chunk["line"]).values())
        bench.judge(chunk)
        broken = session.sql("SELECT row FROM judged WHERE broken AND row BETWEEN ? AND ?", params=[first, last]).to_arrow_table()["row"]
        if len(broken):
            lines = pc.subtract(broken, offset).combine_chunks()
            bench.refuse(chunk.filter(pc.is_in(chunk["line"], value_set=lines)))
        tally.rows += chunk.num_rows
        tally.last = max(tally.last, last)
    bench.clear()


class _Bench:
    """The statements of a delivery, prepared once and not for every chunk: planning them takes as long as judging 50,000 rows.

    They read the table `chunk`, which is this object: whatever it holds when they are executed.
    """

    def __init__(self, session: duckdb.DuckDBPyConnection, found: Verdicts) -> None:
        self._session, self._found = session, found
        self._held = pa.table({})

    def judge(self, chunk: pa.Table) -> None:
        if chunk.schema != self._held.schema:
            self._prepare(chunk)
        self._held = chunk
        self._session.execute("EXECUTE judge").fetchall()

    def refuse(self, chunk: pa.Table) -> None:
        self._held = chunk
        self._session.execute("EXECUTE refuse").fetchall()

    def clear(self) -> None:
        """Let the last chunk go."""
        self._held = pa.table({})

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._held.__arrow_c_stream__(requested_schema)

    def _prepare(self, chunk: pa.Table) -> None:
        self._held = chunk
        self._session.register("chunk", self)
        for name, statement in (("judge", self._found.judged), ("refuse", self._found.refused)):
            self._session.execute(f"PREPARE {name} AS {statement}").fetchall()
