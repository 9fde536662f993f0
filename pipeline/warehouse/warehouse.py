"""The warehouse as the rest of the pipeline sees it, whichever engine holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.warehouse.migrations import Migration
from pipeline.warehouse.sql import SqlWarehouse

PATIENCE_SECONDS = 60.0
"""How long to wait for a lock that another process holds."""


class Warehouse(Protocol):
    """An open connection; every method is one transaction that readers see whole or not at all."""

    def migrate(self) -> Migration:
        """Create or upgrade tables, views and comments; nothing but one look when they are up to date."""

    def publish(self, scores: pa.Table, target: str, cutoff: Cutoff, run: Mapping[str, object]) -> None:
        """Replace the night of (target, cutoff) in user_scores, refused_users and score_runs by these scores; then drop what is too old.

        `scores` is the partition of the lake's `scores`, which the gate has judged (`pipeline.validation.score_gate`); `run` its commit
        metadata (`night.RUN`), values or text. Raises PublishRefused, nothing changed, when they do not fit the tables or not all land,
        and when the night is older than `warehouse.keep_days` keeps; Busy when another process keeps its lock.
        """

    def replace(self, table: str, key: Mapping[str, object], rows: pa.Table | pa.RecordBatchReader) -> None:
        """Replace the rows of `table` whose `key` columns have these values; `rows` need not repeat them.

        A reader is taken one batch at a time, so that there may be more rows than fit in memory.
        Raises PublishRefused when the rows do not fit the table or repeat its key; Busy when another process keeps its lock.
        """

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The rows of one SELECT; values are bound to $1, $2, … Instants come back in UTC."""

    def checksum(self, target: str, cutoff: Cutoff) -> str:
        """Digest of the night's user_scores as they are read now (`checksum.checksum`); that of no rows when there is none."""


@contextmanager
def open_warehouse(config: Config, *, patience: float = PATIENCE_SECONDS) -> Iterator[Warehouse]:
    """A connection to `warehouse.url`, its tables up to date; closed at the end of the block, so keep the block short.

    `patience` is in seconds. Raises Unreachable when the file cannot be opened or the server does not answer, Busy when another
    process holds the file or a lock for longer than `patience`; both name the place, never a password.
    """
    with _connected(config, patience) as warehouse:
        warehouse.migrate()
        yield warehouse


def migrate(config: Config, *, patience: float = PATIENCE_SECONDS) -> Migration:
    """Bring the tables of `warehouse.url` and the rights of their readers up to date, and no more; raises what `open_warehouse` does."""
    with _connected(config, patience) as warehouse:
        migration = warehouse.migrate()
        with warehouse.transaction("migrate"):
            warehouse.admit_readers()
    return migration


@contextmanager
def _connected(config: Config, patience: float) -> Iterator[SqlWarehouse]:
    if config.warehouse.url.startswith("duckdb:"):
        from pipeline.warehouse.duckdb import DuckDBWarehouse

        warehouse: SqlWarehouse = DuckDBWarehouse.open(config, patience)
    else:
        from pipeline.warehouse.postgresql import PostgreSQLWarehouse

        warehouse = PostgreSQLWarehouse.open(config, patience)
    try:
        yield warehouse
    finally:
        warehouse.close()
