"""A DuckDB dialect for SQLAlchemy whose results outlive their connection.

Great Expectations reads rows after it has closed the connection; `duckdb_engine`'s cursors are empty by then
(fivetran/great_expectations#11579). Here every result is fetched as soon as its statement has run.
"""

from __future__ import annotations

from typing import Any

import duckdb_engine
from sqlalchemy import TryCast
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

URL = "duckdb+buffered:///"


class BufferedContext(duckdb_engine.Dialect.execution_ctx_cls):  # type: ignore[misc]  # duckdb_engine ships no types
    """Fetches all rows of a statement right after it has run."""

    def post_exec(self) -> None:
        """Keep the rows of a statement that returns any."""
        super().post_exec()
        if self.cursor.description:
            rows = self.cursor.fetchall()
            self.cursor_fetch_strategy: Any = FullyBufferedCursorFetchStrategy(self.cursor, initial_buffer=rows)


class BufferedDialect(duckdb_engine.Dialect):  # type: ignore[misc]  # duckdb_engine ships no types
    """`duckdb+buffered:///file.duckdb`."""

    execution_ctx_cls = BufferedContext
    supports_statement_cache = False


def register() -> None:
    """Make the dialect known to SQLAlchemy under `URL`."""
    # duckdb_engine hangs its TRY_CAST, unused here, on SQLAlchemy's own class. That keeps DuckDB alive past the end of the
    # interpreter once Great Expectations is loaded, and DuckDB then prints a page of leaks on stderr.
    TryCast._compiler_dispatcher.specs.pop("duckdb", None)  # type: ignore[attr-defined]
    registry.register("duckdb.buffered", __name__, BufferedDialect.__name__)
