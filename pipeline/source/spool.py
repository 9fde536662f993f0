"""Rows that only reading can tell the day of: read once for a range of days, put aside on disk, and handed out day by day."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import chain

import duckdb
import pyarrow as pa

from pipeline.source.instants import instant
from pipeline.source.mapping import Expression, check_columns
from pipeline.source.mapping_sql import text_of
from pipeline.source.rows import CHUNK_ROWS, Rows
from pipeline.source.span import Span


@dataclass(frozen=True)
class _Shelf:
    """The rows of one file, table or query: the session's table of them, and the span of their times; None if all are undated."""

    table: str
    place: str
    columns: Mapping[str, str]
    header: bool
    times: Span | None


class Spool:
    """The rows of one stream for a range of days, in tables of a session that spills to disk. `name` sets them apart from others."""

    def __init__(self, session: duckdb.DuckDBPyConnection, name: str) -> None:
        self._session, self._name = session, name
        self._shelves: list[_Shelf] = []

    def clear(self) -> None:
        """Begin anew, after reading that failed."""
        self._shelves.clear()

    def add(self, rows: Rows, time: Expression, keep: Span) -> None:
        """Read the rows to their end, and keep those whose `time` lies in the span or cannot be read.

        Raises SourceError if the expression reads a column that the rows declare to be missing.
        """
        if rows.header:
            check_columns({"event_time": time}, list(rows.columns), rows.place)
        table, width = f"{self._name}_{len(self._shelves)}", len(rows.columns)
        texts = ["fault", "text", *(f"c{position}" for position in range(width))]
        columns = ", ".join(f"{text} VARCHAR" for text in texts)
        self._session.execute(f"CREATE OR REPLACE TABLE {table} (line BIGINT, {columns}, instant BIGINT)")
        every, kept = (", ".join(("line", *each)) for each in ([f"CAST({text} AS VARCHAR) AS {text}" for text in texts], texts))
        found = f"CASE WHEN fault IS NULL THEN {instant(text_of(time, _Positions(rows.columns)))} END"
        for chunk in rows.chunks:
            self._session.register("chunk", chunk)
            self._session.execute(
                f"INSERT INTO {table} SELECT * FROM (SELECT {kept}, {found} AS instant FROM (SELECT {every}, NULL AS c{width} FROM chunk)) "  # noqa: S608 – positions, escaped literals
                "WHERE instant IS NULL OR instant BETWEEN ? AND ?",
                [keep.first, keep.last],
            )
            self._session.unregister("chunk")
        first, last = self._session.execute(f"SELECT min(instant), max(instant) FROM {table}").fetchall()[0]  # noqa: S608 – our own name
        times = None if first is None else Span(first, last)
        self._shelves.append(_Shelf(table, rows.place, rows.columns, rows.header, times))

    def within(self, instants: Span) -> Generator[Rows, None, None]:
        """The rows whose time lies in the span, in the order in which they came, for each place that has any."""
        for shelf in self._shelves:
            if shelf.times and shelf.times.first <= instants.last and shelf.times.last >= instants.first:
                yield from self._rows(shelf, "instant BETWEEN $first AND $last", {"first": instants.first, "last": instants.last})

    def undated(self) -> Generator[Rows, None, None]:
        """The rows whose time cannot be read, and the lines that are no rows."""
        for shelf in self._shelves:
            yield from self._rows(shelf, "instant IS NULL", {})

    def _rows(self, shelf: _Shelf, where: str, bounds: Mapping[str, int]) -> Generator[Rows, None, None]:
        names = ", ".join(("line", "fault", "text", *(f"c{position}" for position in range(len(shelf.columns)))))
        # DuckDB keeps the order in which rows came; asked to sort them, it would need memory for a whole day.
        query = f"SELECT {names} FROM {shelf.table} WHERE {where}"  # noqa: S608 – our own names
        reader = self._session.sql(query, params=dict(bounds) or None).to_arrow_reader(CHUNK_ROWS)
        chunks = (pa.Table.from_batches([batch]) for batch in reader if batch.num_rows)
        if (first := next(chunks, None)) is not None:
            yield Rows(shelf.place, shelf.columns, shelf.header, chain((first,), chunks))


class _Positions(dict[str, int]):
    """Position of each column; those that the rows do not have share the one after the last, which is null."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        super().__init__({name: position for position, name in enumerate(columns)})
        self._none = len(columns)

    def __missing__(self, name: str) -> int:
        return self._none
