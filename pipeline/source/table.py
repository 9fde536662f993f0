"""Raw events of one local day from a table or view of a DuckDB file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb

from features.cutoff import local_midnight
from pipeline.config import Config
from pipeline.errors import SourceError
from pipeline.source.instants import instant
from pipeline.source.mapping import Column, Expression, check_columns
from pipeline.source.mapping_sql import quoted, text_of
from pipeline.source.raw import create_raw
from pipeline.source.session import ATTACHED

DUCKDB = "duckdb:///"


def database(config: Config) -> Path:
    """The DuckDB file that holds `source.table`: `source.url`, else the warehouse. Raises SourceError for another engine."""
    url = config.source.url or config.warehouse.url
    if not url.startswith(DUCKDB):
        raise SourceError(
            f"source.table = {config.source.table!r} can be read from {DUCKDB}… only, not yet from {url.split(':', 1)[0]}",
            mend="set source.url to a DuckDB file, or deliver files and set source.files",
        )
    return config.path(url.removeprefix(DUCKDB))


def load_table(session: duckdb.DuckDBPyConnection, config: Config, expressions: Mapping[str, Expression], day: date) -> list[str]:
    """Fill `raw` with the rows whose event time lies in the local day; the source's column names by position.

    A row without a readable event time lies in no day: see `undated`. Raises SourceError if the table or a column is missing.
    """
    relation, columns = _columns(session, config, expressions)
    names = list(columns)
    create_raw(session, len(names))
    begin, end = (local_midnight(each, config.source.time_zone).micros for each in (day, day + timedelta(days=1)))
    near, bounds = _near(expressions["event_time"], columns, day)
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS c{position}" for position, name in enumerate(names))
    _execute(
        session,
        config,
        f"INSERT INTO raw SELECT row_number() OVER (), NULL, NULL, * FROM (SELECT {texts} FROM {relation}{near}) "  # noqa: S608 – quoted, bound
        f"WHERE {_event_time(expressions, names)} BETWEEN ? AND ?",
        [*bounds, begin, end - 1],
    )
    return names


def undated(session: duckdb.DuckDBPyConnection, config: Config, expressions: Mapping[str, Expression]) -> int:
    """Rows of the table without a readable event time: no day's batch will hold them."""
    relation, columns = _columns(session, config, expressions)
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS c{position}" for position, name in enumerate(columns))
    query = f"SELECT count(*) FROM (SELECT {texts} FROM {relation}) WHERE {_event_time(expressions, list(columns))} IS NULL"  # noqa: S608 – quoted
    found = _execute(session, config, query).fetchone()
    return int(found[0]) if found else 0


def _execute(session: duckdb.DuckDBPyConnection, config: Config, query: str, values: Sequence[object] = ()) -> duckdb.DuckDBPyConnection:
    try:
        return session.execute(query, list(values))
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"Table {config.source.table} cannot be read: {reason}", mend="correct the view, or read a table") from error


def _columns(session: duckdb.DuckDBPyConnection, config: Config, expressions: Mapping[str, Expression]) -> tuple[str, dict[str, str]]:
    """The quoted name of the table, found in the catalogue, and its columns with their types."""
    there = session.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ? ORDER BY ALL", [ATTACHED]
    ).fetchall()
    wanted = config.source.table
    found = next(((schema, name) for schema, name in there if wanted in (f"{schema}.{name}", name if schema == "main" else None)), None)
    if found is None:
        known = ", ".join(name if schema == "main" else f"{schema}.{name}" for schema, name in there) or "none"
        raise SourceError(f"{database(config)} has no table {wanted!r}; its tables: {known}", mend="correct source.table or source.url")
    columns = session.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_catalog = ? AND table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        [ATTACHED, *found],
    ).fetchall()
    check_columns(expressions, [name for name, _ in columns], f"Table {wanted}")
    return ".".join(quoted(part) for part in (ATTACHED, *found)), dict(columns)


def _event_time(expressions: Mapping[str, Expression], names: list[str]) -> str:
    return instant(text_of(expressions["event_time"], {name: position for position, name in enumerate(names)}))


def _near(event_time: Expression, columns: dict[str, str], day: date) -> tuple[str, list[datetime]]:
    """A filter two days wider than the day, so that a column of times is not read whole; the exact one follows."""
    if not isinstance(event_time, Column) or not columns[event_time.name].startswith(("TIMESTAMP", "DATE")):
        return "", []
    column, kind = quoted(event_time.name), columns[event_time.name]
    bounds = [datetime.combine(day + timedelta(days=days), time()) for days in (-2, 3)]
    return f" WHERE {column} BETWEEN CAST(? AS {kind}) AND CAST(? AS {kind})", bounds
