"""The warehouse in one DuckDB file: written by one process at a time, read by everybody from the copy beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import duckdb
import pyarrow as pa

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import Busy, ConfigError, PublishRefused
from pipeline.warehouse import ddl, duckdb_file
from pipeline.warehouse.migrations import Migration
from pipeline.warehouse.schema import Engine, Table
from pipeline.warehouse.sql import Rows, SqlWarehouse
from pipeline.warehouse.tables import NIGHT_TABLES

SCHEME = "duckdb:///"
CONTENDED = re.compile("conflict|constraint", re.IGNORECASE)
"""Why a transaction fails when another one was there first; it also fails when its COMMIT cannot be written."""


class DuckDBWarehouse(SqlWarehouse):
    """See `pipeline.warehouse.Warehouse`."""

    engine: ClassVar[Engine] = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, patience: float, keep_days: int) -> None:
        self._connection = connection
        self._path = path
        self._patience = patience
        self.keep_days = keep_days
        self._changed = False

    @classmethod
    def open(cls, config: Config, patience: float) -> DuckDBWarehouse:
        """The file of `duckdb:///file.duckdb`, relative to the configuration's folder; created when missing."""
        name = config.warehouse.url.removeprefix(SCHEME)
        if name.startswith(":") or "?" in name:
            raise ConfigError(f"warehouse.url = '{config.warehouse.url}' does not name a file", mend=f"write {SCHEME}nightcast.duckdb")
        path = config.path(name)
        duckdb_file.create(path)
        return cls(duckdb_file.connect(path, patience, read_only=False), path, patience, config.warehouse.keep_days)

    def close(self) -> None:
        """Let go of the file, then bring the readers' copy up to date if a night was published, or the tables that it has were upgraded."""
        try:
            if self._changed:
                self.execute("CHECKPOINT")
        finally:
            self._connection.close()
        if self._changed:
            self.refresh_read_copy()

    def migrate(self) -> Migration:
        """Create or upgrade tables, views and comments; nothing but one look when they are up to date."""
        migration = super().migrate()
        self._changed |= migration.found != migration.reached and duckdb_file.read_copy(self._path).exists()
        return migration

    def publish(self, scores: pa.Table, target: str, cutoff: Cutoff, run: Mapping[str, object]) -> None:
        """Replace the night of (target, cutoff); readers of the copy see it once the connection is closed."""
        super().publish(scores, target, cutoff, run)
        self._changed = True

    def refresh_read_copy(self) -> None:
        """Swap in a new copy for readers; only after the connection is closed."""
        duckdb_file.refresh_read_copy(self._path, self._patience)

    def begin(self, lock: str) -> None:  # noqa: ARG002 – the lock on the file keeps every other process out
        """Open a transaction."""
        self.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        """Make the transaction's work visible, all at once."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction's work."""
        with suppress(duckdb.Error):  # a COMMIT that failed has rolled back already
            self._connection.execute("ROLLBACK")

    def shut(self, relations: Sequence[str]) -> None:
        """Nothing to do: readers read a copy of the file."""

    def drop_before(self, cutoff: Cutoff) -> None:
        """Delete every night with an earlier cutoff, all at once."""
        with self.transaction("retire"):
            for table in NIGHT_TABLES:
                self.execute(ddl.delete_below(table, "cutoff"), [cutoff.instant])

    def admit_readers(self) -> None:
        """Nothing to do: who may read the file may read all of it."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement with bound values."""
        with _own_errors(self._path):
            self._connection.execute(sql, list(parameters))

    def append(self, table: Table, rows: Rows) -> None:
        """Add conformed rows to the table within the open transaction, in one statement: only that writes to disk as it goes."""
        failed: list[Exception] = []
        streamed = isinstance(rows, pa.RecordBatchReader)
        self._connection.register(
            "appended_rows", pa.RecordBatchReader.from_batches(rows.schema, _noting(rows, failed)) if streamed else rows
        )
        try:
            self.execute(ddl.insert_from(table, "appended_rows"))
        except Exception:
            if failed:  # the engine tells it in words of its own
                raise failed[0] from None
            raise
        finally:
            with suppress(duckdb.TransactionException):  # a failed transaction takes the registration with it
                self._connection.unregister("appended_rows")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The rows of one SELECT; values are bound to $1, $2, … Instants come back in UTC."""
        with _own_errors(self._path):
            return self._connection.sql(sql, params=list(parameters)).to_arrow_table()


def _noting(batches: Iterable[pa.RecordBatch], failed: list[Exception]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except Exception as error:
        failed.append(error)
        raise


@contextmanager
def _own_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.TransactionException as error:
        if not CONTENDED.search(str(error)):
            raise duckdb_file.unreachable(path, error) from error
        raise Busy(f"Another transaction changed the same rows of {path}", mend="run this again: it replaces them whole") from error
    except duckdb.ConstraintException:
        # The engine's message quotes the key, which may be a user.
        raise PublishRefused(f"Rows for {path} repeat a key or leave a column empty", mend="give each key once") from None
    except (duckdb.IOException, duckdb.FatalException) as error:
        raise duckdb_file.unreachable(path, error) from error
