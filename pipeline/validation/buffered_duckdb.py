"""A DuckDB dialect for SQLAlchemy whose results outlive their connection.

Great Expectations reads rows after it has closed the connection; `duckdb_engine`'s cursors are empty by then
(fivetran/great_expectations#11579). Here every result is fetched as soon as its statement has run.
"""

from __future__ import annotations

from typing import Any

import duckdb_engine
import sqlalchemy as sa
from sqlalchemy import TryCast
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.types import NullType

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

    def get_columns(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """Names only, by one statement; `duckdb_engine` asks for catalogues of PostgreSQL that DuckDB does not have."""
        found = connection.exec_driver_sql(f"DESCRIBE {self.identifier_preparer.quote_identifier(table_name)}")
        return [{"name": row[0], "type": NullType(), "nullable": True, "default": None} for row in found]

    def get_pk_constraint(self, *_: Any, **__: Any) -> dict[str, Any]:
        """None: the tables that are validated are results of a query."""
        return {"constrained_columns": [], "name": None}


def register() -> None:
    """Make the dialect known to SQLAlchemy under `URL`."""
    # duckdb_engine hangs its TRY_CAST, unused here, on SQLAlchemy's own class. That keeps DuckDB alive past the end of the
    # interpreter once Great Expectations is loaded, and DuckDB then prints a page of leaks on stderr.
    TryCast._compiler_dispatcher.specs.pop("duckdb", None)  # type: ignore[attr-defined]
    registry.register("duckdb.buffered", __name__, BufferedDialect.__name__)
