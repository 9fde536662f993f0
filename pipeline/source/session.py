"""A private DuckDB in memory that reads what it is handed and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from duckdb.sqltypes import BIGINT, VARCHAR

from pipeline.errors import Busy, SourceError
from pipeline.source.amounts import amounts
from pipeline.source.local_time import to_utc
from pipeline.source.mapping_sql import literal

ATTACHED = "source"
"""Name under which a DuckDB file with raw events is attached."""


@contextmanager
def open_session(folder: Path, zone: str, *, database: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can open nothing but the attached, read-only `database`, and files in `folder`, where it spills.

    Text of instants is UTC. Two functions are registered: `to_utc(micros)`, naive local time in `zone` to an instant
    (`local_time.to_utc`), and `ten_thousandths(left, right)` (`amounts.amounts`); both are null for null.
    Raises SourceError if the database is not one, Busy if another process is writing to it.
    """
    connection = duckdb.connect(":memory:", config={"temp_directory": str(folder)})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if database is not None:
            _attach(connection, database)
        _register(connection, "to_utc", to_utc(zone), [BIGINT])
        _register(connection, "ten_thousandths", amounts, [VARCHAR, VARCHAR])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def _register(connection: duckdb.DuckDBPyConnection, name: str, function: Callable[..., pa.Array], takes: list[Any]) -> None:
    kind, nulls = PythonUDFType.ARROW, FunctionNullHandling.SPECIAL
    connection.create_function(name, function, takes, BIGINT, type=kind, null_handling=nulls)


def _attach(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    if not database.is_file():
        raise SourceError(f"There is no DuckDB file {database} to read raw events from", mend="correct source.url in nightcast.toml")
    try:
        connection.execute(f"ATTACH {literal(str(database))} AS {ATTACHED} (READ_ONLY)")
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise Busy(f"{database} is being written: {_first_line(error)}", mend="run this again when that process has ended") from error
        raise SourceError(
            f"{database} is not a DuckDB database: {_first_line(error)}", mend="correct source.url in nightcast.toml"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
