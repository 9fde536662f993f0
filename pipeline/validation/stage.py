"""Where the gates count: a DuckDB of its own that holds the facts of one day or night, and reads its rows only once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from pipeline.source.mapping_sql import literal, quoted
from pipeline.validation.facts import Counted
from pipeline.validation.requirement import REPEATED, Requirement

MEMORY = "192MiB"
"""Enough to tell five million identities apart without spilling; more of them spill."""

TABLE = "facts"
STAGED = "staged_rows"


class Stage:
    """The table `facts` of one row, a column per fact; empty until `store`.

    `identity` names the columns that make two rows the same: the fact `REPEATED`, where it is asked for, counts their repeats.
    """

    def __init__(self, engine: sa.Engine, folder: Path, required: Sequence[Requirement], identity: Sequence[str]) -> None:
        self._connection = engine.raw_connection()
        self._required, self._identity = required, ", ".join(identity)
        for setting in (f"memory_limit = '{MEMORY}'", f"temp_directory = {literal(str(folder))}", "preserve_insertion_order = false"):
            self._run(f"SET {setting}")
        self.store({})

    def count(self, staged: Path | pa.Table, variables: Mapping[str, str | int]) -> Counted:
        """Every fact that comes from the staged rows, in one pass over them; the measures may read the `variables`."""
        for name, value in variables.items():
            self._run(f"SET VARIABLE {quoted(name)} = {literal(value) if isinstance(value, str) else value}")
        measured = {each.fact: each.measure for each in self._required if each.measure}
        with self._relation(staged) as rows:
            values = self._run(f"SELECT {', '.join(measured.values()) or '1'} FROM {rows}")[0]  # noqa: S608 – our own aggregates
            counted = dict(zip(measured, values, strict=False))
            if counted.get(REPEATED):
                # Only now, when two hashes are equal: are they two rows, or one twice?
                counted[REPEATED] = self._run(_repeated(rows, self._identity))[0][0]
        return counted

    def store(self, observed: Counted) -> None:
        """Make these the facts; null where there is none, or no finite one."""
        columns = ", ".join(f"{_number(observed.get(each.fact))} AS {quoted(each.fact)}" for each in self._required)
        self._run(f"CREATE OR REPLACE TABLE {TABLE} AS SELECT {columns or '1 AS nothing'}")

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    @contextmanager
    def _relation(self, staged: Path | pa.Table) -> Iterator[str]:
        if isinstance(staged, Path):
            yield f"read_parquet({literal(str(staged))})"
            return
        connection: Any = self._connection.driver_connection
        connection.register(STAGED, staged)
        try:
            yield STAGED
        finally:
            connection.unregister(STAGED)

    def _run(self, statement: str) -> list[Any]:
        cursor = self._connection.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())


def _repeated(rows: str, columns: str) -> str:
    """SQL for how many rows have an identity that another one has already; only equal hashes are compared in full."""
    identity = f"hash({columns})"
    suspects = f"SELECT {identity} FROM {rows} GROUP BY 1 HAVING count(*) > 1"  # noqa: S608 – a quoted path
    equal = f"SELECT count(*) - 1 AS repeats FROM {rows} WHERE {identity} IN ({suspects}) GROUP BY {columns}"  # noqa: S608
    return f"SELECT coalesce(sum(repeats), 0) FROM ({equal})"  # noqa: S608


def _number(value: float | None) -> str:
    return "NULL::DOUBLE" if value is None or not isfinite(value) else f"{value!r}::DOUBLE"
