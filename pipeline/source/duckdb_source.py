"""A table, view or query of a DuckDB file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.config_source import Stream
from pipeline.errors import Busy, ConfigError, SourceError
from pipeline.source.columns import by_name
from pipeline.source.mapping_sql import literal, quoted
from pipeline.source.rows import CHUNK_ROWS

SCHEME = "duckdb:///"
ATTACHED = "source"
"""Name under which the file is attached."""

SETTINGS: Mapping[str, str] = {
    "memory_limit": "256MB",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""Rows stream through: the memory is for what a query sorts or groups, which spills. No statement reads a Python variable."""

LOCKED = ("TimeZone = 'UTC'", "enable_progress_bar = false", "enable_external_access = false", "lock_configuration = true")


@dataclass(frozen=True)
class DuckDBRelation:
    """See `pipeline.source.relation.Relation`."""

    place: str
    columns: Mapping[str, str]
    _connection: duckdb.DuckDBPyConnection
    _select: str

    def bound(self, name: str) -> str:
        """A named parameter."""
        return f"${name}"

    def batches(self, select: str, where: str, bounds: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """In the order of the table, which DuckDB keeps; of a query without ORDER BY, in whatever order it comes out."""
        names = ", ".join(f"c{position}" for position in range(len(self.columns)))
        query = f"SELECT {select} FROM ({self._select}\n) AS rows({names}) WHERE {where}"  # noqa: S608 – quoted names, or the configuration's own query
        with _own_errors(self.place):
            yield from self._connection.sql(query, params=dict(bounds) or None).to_arrow_reader(CHUNK_ROWS)


@contextmanager
def open_duckdb(stream: Stream, name: str, file: Path, folder: Path) -> Iterator[DuckDBRelation]:
    """The stream's table or query in the DuckDB file, which is opened for reading alone; a query can open nothing else.

    Raises SourceError if the file, the table or the query is wrong, Busy if another process is writing to the file.
    """
    if not file.is_file():
        raise SourceError(f"There is no DuckDB file {file} to read raw events from", mend="correct source.url in nightcast.toml")
    with duckdb.connect(":memory:", config={**SETTINGS, "temp_directory": str(folder)}) as connection:
        _attach(connection, file)
        for setting in LOCKED:
            connection.execute(f"SET {setting}")
        if stream.table:
            place, select = _table(connection, stream.table, file)
        else:
            place, select = f"query of stream {name}", _query(connection, stream.query, f"query of stream {name}")
        with _own_errors(place):
            described = connection.execute(f"DESCRIBE {select}").fetchall()
        columns = by_name(f"The {place}", [row[0] for row in described], [row[1] for row in described])
        yield DuckDBRelation(place, columns, connection, select)


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    try:
        connection.execute(f"ATTACH {literal(str(file))} AS {ATTACHED} (READ_ONLY)")
        connection.execute(f"USE {ATTACHED}")
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        if "set lock" in reason:
            raise Busy(f"{file} is being written: {reason}", mend="run this again when that process has ended") from error
        raise SourceError(f"{file} is not a DuckDB database: {reason}", mend="correct source.url in nightcast.toml") from error


def _table(connection: duckdb.DuckDBPyConnection, wanted: str, file: Path) -> tuple[str, str]:
    """Its place and its SELECT, by the name that the catalogue has."""
    there = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ? ORDER BY ALL", [ATTACHED]
    ).fetchall()
    found = next(((schema, name) for schema, name in there if wanted in (f"{schema}.{name}", name if schema == "main" else None)), None)
    if found is None:
        known = ", ".join(name if schema == "main" else f"{schema}.{name}" for schema, name in there) or "none"
        raise SourceError(f"{file} has no table {wanted!r}; its tables: {known}", mend="correct the stream's table or url")
    return f"table {'.'.join(found)}", f"SELECT * FROM {'.'.join(quoted(part) for part in (ATTACHED, *found))}"  # noqa: S608 – quoted


def _query(connection: duckdb.DuckDBPyConnection, text: str, place: str) -> str:
    """The configuration's one SELECT. Raises ConfigError if it is anything else."""
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise SourceError(f"The {place} cannot be read: {str(error).partition(chr(10))[0]}", mend="correct the query") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT or statements[0].named_parameters:
        raise ConfigError(f"The {place} is not one SELECT without parameters", mend="write one SELECT; it is read as a table")
    return text.rstrip().rstrip(";")


@contextmanager
def _own_errors(place: str) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise SourceError(f"The {place} cannot be read: {reason}", mend="correct the table, view or query, or its name") from error
