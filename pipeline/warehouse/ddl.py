"""The definitions as SQL: identifiers quoted, values bound to $1, $2, …, one statement per text, the same on both engines."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.warehouse.schema import Column, Engine, Table, View


def quoted(name: str) -> str:
    """The identifier, safe whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def names(columns: Sequence[str]) -> str:
    """Quoted identifiers, separated by commas."""
    return ", ".join(quoted(name) for name in columns)


def literal(text: str) -> str:
    """The text as a constant, safe whatever it contains."""
    return "'" + text.replace("'", "''") + "'"


def create_table(table: Table, engine: Engine) -> list[str]:
    """Statements that create the table with its key and comments."""
    columns = [_declared(column, engine) for column in table.columns]
    body = ",\n  ".join([*columns, f"PRIMARY KEY ({names(table.key)})"])
    parts = f" PARTITION BY LIST ({quoted(table.parted_by)})" if table.parted_by and engine == "postgresql" else ""
    return [f"CREATE TABLE {quoted(table.name)} (\n  {body}\n){parts}", *comments(table)]


def create_view(view: View) -> list[str]:
    """Statements that create the view, or bring it up to date without losing what it grants, with its comments."""
    return [f"CREATE OR REPLACE VIEW {quoted(view.name)} AS\n{view.select}", *comments(view)]


def comments(relation: Table | View) -> list[str]:
    """Statements that put the comments on the table or view and each of its columns."""
    kind = "VIEW" if isinstance(relation, View) else "TABLE"
    own = f"COMMENT ON {kind} {quoted(relation.name)} IS {literal(relation.comment)}"
    each = [f"COMMENT ON COLUMN {quoted(relation.name)}.{quoted(column.name)} IS {literal(column.comment)}" for column in relation.columns]
    return [own, *each]


def select(table: Table, columns: Sequence[str], key: Sequence[str]) -> str:
    """The columns of the rows whose key columns have the bound values."""
    return f"SELECT {names(columns)} FROM {quoted(table.name)} WHERE {_equal(key)}"  # noqa: S608 – quoted, bound


def count(table: Table, key: Sequence[str]) -> str:
    """How many rows have the bound values in their key columns, as `rows`."""
    return f"SELECT count(*) AS {quoted('rows')} FROM {quoted(table.name)} WHERE {_equal(key)}"  # noqa: S608 – quoted, bound


def delete(table: Table, key: Sequence[str]) -> str:
    """Delete the rows whose key columns have the bound values."""
    return f"DELETE FROM {quoted(table.name)} WHERE {_equal(key)}"  # noqa: S608 – quoted, bound


def delete_below(table: Table, column: str) -> str:
    """Delete the rows that have less than the bound value in a column."""
    return f"DELETE FROM {quoted(table.name)} WHERE {quoted(column)} < $1"  # noqa: S608 – quoted, bound


def insert_from(table: Table, source: str) -> str:
    """Insert every row of another relation with the same columns."""
    return f"INSERT INTO {quoted(table.name)} ({names(table.names)}) SELECT {names(table.names)} FROM {quoted(source)}"  # noqa: S608


def _equal(key: Sequence[str]) -> str:
    return " AND ".join(f"{quoted(name)} = ${place}" for place, name in enumerate(key, start=1))


def _declared(column: Column, engine: Engine) -> str:
    kind = column.type.duckdb if engine == "duckdb" else column.type.postgresql
    return f"{quoted(column.name)} {kind}{'' if column.optional else ' NOT NULL'}"
