"""A table or query of a database that is open for reading: what both engines can be asked, and the rows of a day out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Protocol

import numpy as np
import pyarrow as pa

from pipeline.config_source import DayBy
from pipeline.source.local_time import to_utc
from pipeline.source.mapping import Column, Expression
from pipeline.source.rows import CHUNK_ROWS, Rows
from pipeline.source.span import READABLE, Span, on_the_clock, span

INSTANTS = frozenset({"timestamp with time zone"})
READINGS = frozenset({"timestamp", "timestamp without time zone", "timestamp_s", "timestamp_ms", "date"})
"""Types, in lower case, that the engines call their instants and their clock readings; all end at the microsecond."""


class Relation(Protocol):
    """A table or query, open for reading. In SQL its columns are `c0`, `c1`, …: no name from outside reaches a statement."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Its columns in order, with their types in the engine's words."""

    def bound(self, name: str) -> str:
        """SQL for the text that is bound to `name`."""

    def batches(self, select: str, where: str, bounds: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """The rows of `SELECT select FROM (it) WHERE where`, as they come: never all in memory, and in the same order each time.

        Raises SourceError if they cannot be read, Unreachable if the source is lost on the way, Busy if it is locked.
        """


@dataclass(frozen=True)
class TimeColumn:
    """A column of a relation that says the day, of a type that its engine can compare: `timestamptz`, or `timestamp` for readings."""

    name: str
    kind: str


def time_column(relation: Relation, time: Expression) -> TimeColumn | None:
    """The time as a column that the engine can compare; None where it has to be read from text."""
    if not isinstance(time, Column) or (kind := relation.columns[time.name].lower()) not in INSTANTS | READINGS:
        return None
    return TimeColumn(f"c{list(relation.columns).index(time.name)}", "timestamptz" if kind in INSTANTS else "timestamp")


def rows_of_day(relation: Relation, time: TimeColumn, day: date, day_by: DayBy, zone: str) -> Rows | None:
    """The rows whose time lies in the day; None if there are none."""
    instants = span(day, day, day_by, zone)
    bounds, exact = (instants, True) if time.kind == "timestamptz" else on_the_clock(instants, zone)
    first, last = _ends(relation, time)
    select = _texts(relation) if exact else f"{_texts(relation)}, CAST({time.name} AS timestamp) AS reading"
    batches = relation.batches(select, f"{time.name} >= {first} AND {time.name} <= {last}", _texts_of(bounds, time))
    return _rows(relation, batches if exact else _exactly(batches, instants, zone))


def undated_rows(relation: Relation, time: TimeColumn) -> Rows | None:
    """The rows whose time is empty, infinite, or has no four-digit year: they belong to no day. None if there are none."""
    first, last = _ends(relation, time)
    where = f"{time.name} IS NULL OR {time.name} < {first} OR {time.name} > {last}"
    return _rows(relation, relation.batches(_texts(relation), where, _texts_of(READABLE, time)))


def all_rows(relation: Relation) -> Rows | None:
    """Every row; None if there are none."""
    return _rows(relation, relation.batches(_texts(relation), "true", {}))


def _texts(relation: Relation) -> str:
    return ", ".join(f"CAST(c{position} AS text) AS c{position}" for position in range(len(relation.columns)))


def _ends(relation: Relation, time: TimeColumn) -> tuple[str, str]:
    return f"CAST({relation.bound('first')} AS {time.kind})", f"CAST({relation.bound('last')} AS {time.kind})"


def _texts_of(bounds: Span, time: TimeColumn) -> Mapping[str, str]:
    first, last = (f"{text}+00" if time.kind == "timestamptz" else text for text in bounds.texts)
    return {"first": first, "last": last}


def _exactly(batches: Iterator[pa.RecordBatch], instants: Span, zone: str) -> Iterator[pa.RecordBatch]:
    """The rows whose clock reading means an instant of the span."""
    convert = to_utc(zone)
    for batch in batches:
        at = convert(batch.column("reading").cast(pa.timestamp("us")).cast(pa.int64())).to_numpy(zero_copy_only=False)
        yield batch.filter(pa.array((at >= instants.first) & (at <= instants.last)))


def _rows(relation: Relation, batches: Iterator[pa.RecordBatch]) -> Rows | None:
    """The batches as rows, numbered from 1 as they come; None if there are none."""
    chunks = _chunks(batches, len(relation.columns))
    first = next(chunks, None)
    return None if first is None else Rows(relation.place, relation.columns, True, chain((first,), chunks))


def _chunks(batches: Iterator[pa.RecordBatch], width: int) -> Iterator[pa.Table]:
    line = 1
    for batch in batches:
        for start in range(0, batch.num_rows, CHUNK_ROWS):
            part = batch.slice(start, CHUNK_ROWS)
            missing = pa.nulls(part.num_rows, pa.string())
            own = {"line": pa.array(np.arange(line, line + part.num_rows)), "fault": missing, "text": missing}
            yield pa.table({**own, **{f"c{position}": part.column(position) for position in range(width)}})
            line += part.num_rows
