"""What a table of the warehouse is: columns with a type for each engine, a key, and a comment on everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PublishRefused

Engine = Literal["duckdb", "postgresql"]


@dataclass(frozen=True)
class SqlType:
    """One type under its name in each engine, and as an Arrow column."""

    duckdb: str
    postgresql: str
    arrow: pa.DataType


TEXT = SqlType("VARCHAR", "text", pa.string())
DOUBLE = SqlType("DOUBLE", "double precision", pa.float64())
INTEGER = SqlType("INTEGER", "integer", pa.int32())
BIGINT = SqlType("BIGINT", "bigint", pa.int64())
BOOLEAN = SqlType("BOOLEAN", "boolean", pa.bool_())
DATE = SqlType("DATE", "date", pa.date32())
INSTANT = SqlType("TIMESTAMPTZ", "timestamptz", pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class Column:
    """A column; without `optional` it is NOT NULL."""

    name: str
    type: SqlType
    comment: str
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    key        its primary key, in this order
    parted_by  column of the key of whose every value PostgreSQL keeps the rows in a partition of their own; empty: one table for all
    """

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    parted_by: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def arrow(self) -> pa.Schema:
        """Schema of the table's rows as Arrow."""
        return pa.schema([pa.field(column.name, column.type.arrow, nullable=column.optional) for column in self.columns])


@dataclass(frozen=True)
class View:
    """A view; `select` is written with quoted identifiers that both engines read, and yields `columns` in order."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    select: str


def conform(table: Table, rows: pa.Table, constants: Mapping[str, object] | None = None) -> pa.Table:
    """`rows` with exactly the table's columns, order and types; `constants` fill columns that are the same in every row.

    A missing optional column becomes null. Raises PublishRefused for a missing, unknown or null column, a value that does not
    fit its type, a constant that the rows contradict, and text with a NUL character (PostgreSQL cannot hold one).
    """
    constants = constants or {}
    if unknown := sorted({*rows.column_names, *constants} - set(table.names)):
        raise PublishRefused(f"Rows for {table.name} have unknown columns {', '.join(unknown)}", mend=f"it has {', '.join(table.names)}")
    columns = [_conformed(table.name, column, rows, constants) for column in table.columns]
    return pa.table(columns, schema=table.arrow)


def _conformed(table: str, column: Column, rows: pa.Table, constants: Mapping[str, object]) -> pa.ChunkedArray:
    place, kind = f"{table}.{column.name}", column.type.arrow
    if column.name in rows.column_names:
        try:
            values = rows[column.name].cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise PublishRefused(f"{place} holds {rows[column.name].type} values that are not {kind}: {error}") from error
        if (
            column.name in constants
            and not pc.all(pc.equal(values, pa.scalar(constants[column.name], kind)), skip_nulls=False, min_count=0).as_py()
        ):
            raise PublishRefused(f"{place} is to be {constants[column.name]!r} in every row, and some rows say otherwise")
    elif column.name in constants:
        values = pa.chunked_array([pa.repeat(pa.scalar(constants[column.name], kind), rows.num_rows)])
    elif column.optional:
        values = pa.chunked_array([pa.nulls(rows.num_rows, kind)])
    else:
        raise PublishRefused(f"Rows for {table} lack the column {column.name}", mend="every column that is never null must be given")
    if values.null_count and not column.optional:
        raise PublishRefused(f"{place} is null in {values.null_count:,} of {rows.num_rows:,} rows and may never be")
    if kind == pa.string() and pc.any(pc.match_substring(values, "\0")).as_py():
        raise PublishRefused(f"{place} holds text with a NUL character", mend="remove it where the events are ingested")
    return values
