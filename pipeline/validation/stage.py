"""Where the gate counts: a DuckDB of its own that holds the numbers of one day, and reads the day's file only once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.source.mapping_sql import literal, quoted
from pipeline.validation.facts import Counted
from pipeline.validation.suite import REPEATED, Requirement

MEMORY = "192MiB"
"""Enough to tell five million identities apart without spilling; more of them spill."""

TABLE = "day"


class Stage:
    """The table `day` of one row, a column per fact; empty until `store`."""

    def __init__(self, engine: sa.Engine, folder: Path, required: Sequence[Requirement]) -> None:
        self._connection = engine.raw_connection()
        self._required = required
        for setting in (f"memory_limit = '{MEMORY}'", f"temp_directory = {literal(str(folder))}", "preserve_insertion_order = false"):
            self._run(f"SET {setting}")
        self.store({})

    def count(self, events: Path, end: int) -> Counted:
        """Every fact that comes from the staged file, in one pass over it; `end` is in microseconds."""
        self._run(f"SET VARIABLE end_of_events = {end}")
        measured = {each.fact: each.measure for each in self._required if each.measure}
        values = self._run(f"SELECT {', '.join(measured.values()) or '1'} FROM {_rows(events)}")[0]  # noqa: S608 – our own aggregates
        counted = dict(zip(measured, values, strict=False))
        if counted.get(REPEATED):
            # Only now, when two hashes are equal: are they two events, or one twice?
            counted[REPEATED] = self._run(_repeated(_rows(events)))[0][0]
        return counted

    def store(self, observed: Counted) -> None:
        """Make these the facts of the day; null where there is none."""
        columns = ", ".join(f"{_number(observed.get(each.fact))} AS {quoted(each.fact)}" for each in self._required)
        self._run(f"CREATE OR REPLACE TABLE {TABLE} AS SELECT {columns or '1 AS nothing'}")

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def _run(self, statement: str) -> list[Any]:
        cursor = self._connection.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())


def _rows(events: Path) -> str:
    return f"read_parquet({literal(str(events))})"


def _repeated(rows: str) -> str:
    """SQL for how many events have an identity that another one has already; only equal hashes are compared in full."""
    identity = "hash(user_id, event_id)"
    suspects = f"SELECT {identity} FROM {rows} GROUP BY 1 HAVING count(*) > 1"  # noqa: S608 – a quoted path
    equal = f"SELECT count(*) - 1 AS repeats FROM {rows} WHERE {identity} IN ({suspects}) GROUP BY user_id, event_id"  # noqa: S608
    return f"SELECT coalesce(sum(repeats), 0) FROM ({equal})"  # noqa: S608


def _number(value: float | None) -> str:
    return "NULL::DOUBLE" if value is None else f"{value!r}::DOUBLE"
