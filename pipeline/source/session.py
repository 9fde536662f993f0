"""A private DuckDB that reads what it is handed and nothing else, and whose memory stays small whatever it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from duckdb.sqltypes import BIGINT, VARCHAR

from pipeline.source.amounts import amounts
from pipeline.source.local_time import to_utc

MEMORY_LIMIT = "512MiB"
"""Of tables, sorts and hash tables; what is more is spilled to the session's folder."""


@contextmanager
def open_session(folder: Path, zone: str, *, memory: str = MEMORY_LIMIT) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database of its own, which can open nothing but files in `folder`, where it spills.

    Text of instants is UTC. Two functions are registered: `to_utc(micros)`, naive local time in `zone` to an instant
    (`local_time.to_utc`), and `ten_thousandths(left, right)` (`amounts.amounts`); both are null for null.
    """
    # A checkpoint would compress tables that are read once or twice, at several times the work of filling them.
    settings = {"temp_directory": str(folder), "memory_limit": memory, "checkpoint_threshold": "1TiB"}
    connection = duckdb.connect(":memory:", config=dict(settings))
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
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
