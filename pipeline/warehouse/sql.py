"""What both engines do alike: migrate, publish, replace and check, over a handful of statements that each engine runs its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, TypeAlias

import pyarrow as pa

from features.cutoff import Cutoff
from pipeline import clock
from pipeline.errors import ConfigError, PublishRefused
from pipeline.warehouse import ddl, migrations, retention
from pipeline.warehouse.checksum import COLUMNS, checksum
from pipeline.warehouse.migrations import Migration
from pipeline.warehouse.night import Night, night_of
from pipeline.warehouse.schema import Engine, Table, conform
from pipeline.warehouse.tables import DECILE_OUTCOMES, SCHEMA_VERSION, SCORE_RUNS, TABLES, USER_SCORES, VIEWS

FIND_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
FIND_TABLE = f"{FIND_TABLES} AND table_name = $1"
FIND_VERSION = "SELECT max(version) AS version FROM schema_version"
NIGHT = ("target", "cutoff")
Rows: TypeAlias = "pa.Table | pa.RecordBatchReader"


class SqlWarehouse(ABC):
    """A warehouse over one open connection in autocommit mode; see `pipeline.warehouse.Warehouse` for the promises."""

    engine: ClassVar[Engine]
    keep_days: int = 0

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection."""

    @abstractmethod
    def begin(self, lock: str) -> None:
        """Open a transaction that no other with the same `lock` runs beside."""

    @abstractmethod
    def commit(self) -> None:
        """Make the transaction's work visible, all at once."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the transaction's work; quiet when the connection is gone, for then the server has undone it."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement with bound values."""

    @abstractmethod
    def append(self, table: Table, rows: Rows) -> None:
        """Add conformed rows to the table within the open transaction; of a reader's rows little is in memory at a time."""

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The rows of one SELECT; values are bound to $1, $2, … Instants come back in UTC."""

    @abstractmethod
    def shut(self, relations: Sequence[str]) -> None:
        """Keep readers out of these tables and views until the transaction ends; none of them waits long, and none is turned away."""

    @abstractmethod
    def drop_before(self, cutoff: Cutoff) -> None:
        """Drop every night with an earlier cutoff from `NIGHT_TABLES`; run again after it was killed, it ends what it began."""

    @abstractmethod
    def admit_readers(self) -> None:
        """Give those who only read their rights, within the open transaction, as far as they lack them and the engine knows rights."""

    def migrate(self) -> Migration:
        """Create or upgrade tables, views and comments; nothing but one look when they are up to date."""
        found = self._version()
        if migrations.statements(found, self.engine):
            with self.transaction("migrate"):
                found = self._version()  # another process may have been here first
                self._upgrade(found)
        return Migration(found, migrations.newest())

    def _upgrade(self, found: int | None) -> None:
        if not (statements := migrations.statements(found, self.engine)):
            return
        for text in migrations.preparations(found, self.engine):
            self.execute(text)
        there = self.query(FIND_TABLES)["table_name"].to_pylist()
        self.shut([relation.name for relation in (*VIEWS, *TABLES) if relation.name in there])
        for text in statements:
            self.execute(text)
        version = {"version": [migrations.newest()], "migrated_at": [clock.now()]}
        self.append(SCHEMA_VERSION, conform(SCHEMA_VERSION, pa.table(version)))
        self.admit_readers()

    def publish(self, scores: pa.Table, target: str, cutoff: Cutoff, run: Mapping[str, object]) -> None:
        """Replace the night of (target, cutoff); what can be refused before is, so that the transaction is short."""
        night = night_of(scores, target, cutoff, run)
        retention.require_kept(self, night)
        with self.transaction(f"publish {target} {cutoff}"):
            self._forget_outcomes(night)
            for table, rows in night.tables:
                self.land(table, rows, night)
            self.verify(night)
        retention.retire(self)

    def land(self, table: Table, rows: pa.Table, night: Night) -> None:
        """Replace the night's rows of one table, within the open transaction."""
        self.remove(table, night.key)
        self.append(table, rows)

    def replace(self, table: str, key: Mapping[str, object], rows: Rows) -> None:
        """Replace the rows of `table` whose `key` columns have these values; `rows` need not repeat them."""
        declared = _declared(table, key)
        conformed = _conformed(declared, rows, key) if isinstance(rows, pa.RecordBatchReader) else conform(declared, rows, key)
        with self.transaction(f"replace {table} {sorted((name, str(value)) for name, value in key.items())}"):
            self.remove(declared, key)
            self.append(declared, conformed)

    def checksum(self, target: str, cutoff: Cutoff) -> str:
        """Digest of the night's user_scores as they are read now; that of no rows when there is none."""
        return checksum(self.query(ddl.select(USER_SCORES, COLUMNS, NIGHT), [target, cutoff.instant]))

    def remove(self, table: Table, key: Mapping[str, object]) -> None:
        """Delete the rows of `table` whose `key` columns have these values, within the open transaction."""
        self.execute(ddl.delete(table, list(key)), list(key.values()))

    def verify(self, night: Night) -> None:
        """Count what has landed, within the open transaction. Raises PublishRefused unless it is the night, no more and no less."""
        for table, rows in night.tables:
            found = self.query(ddl.count(table, NIGHT), list(night.key.values()))["rows"][0].as_py()
            if found != rows.num_rows:
                raise PublishRefused(
                    f"{found:,} rows of {night.target} at {night.cutoff} landed in {table.name}, {rows.num_rows:,} were sent",
                    mend="the night before is still published; publish again",
                )

    def _forget_outcomes(self, night: Night) -> None:
        """What came true in the tenths of a night says nothing about other scores in its place."""
        before = self.query(ddl.select(SCORE_RUNS, ("checksum",), NIGHT), list(night.key.values()))
        if before["checksum"].to_pylist() != night.score_runs["checksum"].to_pylist():
            self.execute(ddl.delete(DECILE_OUTCOMES, NIGHT), list(night.key.values()))

    @contextmanager
    def transaction(self, lock: str) -> Iterator[None]:
        """Commit at the end of the block, roll back if it raises."""
        self.begin(lock)
        try:
            yield
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def _version(self) -> int | None:
        """Version of the tables, None in an empty warehouse."""
        if not self.query(FIND_TABLE, [SCHEMA_VERSION.name]).num_rows:
            return None
        found: int | None = self.query(FIND_VERSION)["version"][0].as_py()
        return found


def _conformed(table: Table, rows: pa.RecordBatchReader, key: Mapping[str, object]) -> pa.RecordBatchReader:
    batches = (each for batch in rows for each in conform(table, pa.Table.from_batches([batch]), key).to_batches())
    return pa.RecordBatchReader.from_batches(table.arrow, batches)


def _declared(name: str, key: Mapping[str, object]) -> Table:
    declared = {table.name: table for table in TABLES}
    if name not in declared:
        raise ConfigError(f"The warehouse has no table '{name}'", mend=f"it has {', '.join(declared)}")
    if not key or set(key) - set(declared[name].names):
        raise ConfigError(f"'{', '.join(key)}' does not name columns of {name}", mend=f"it has {', '.join(declared[name].names)}")
    return declared[name]
