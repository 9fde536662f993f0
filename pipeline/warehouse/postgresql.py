"""The warehouse in PostgreSQL: rows travel by COPY, nights of one target and cutoff take turns on an advisory lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import errors
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import Busy, ConfigError, NightcastError, PublishRefused, Unreachable
from pipeline.postgresql_url import conninfo
from pipeline.warehouse import ddl, partitions, readers
from pipeline.warehouse.night import Night
from pipeline.warehouse.schema import BIGINT, BOOLEAN, DATE, DOUBLE, INSTANT, INTEGER, TEXT, Engine, Table
from pipeline.warehouse.sql import Rows, SqlWarehouse
from pipeline.warehouse.tables import SCORE_RUNS

COPY_ROWS = 16_384
ARROW: Mapping[int, pa.DataType] = {
    oid: kind.arrow
    for kind, oids in {
        BOOLEAN: (16,),
        BIGINT: (20,),
        INTEGER: (21, 23),
        TEXT: (19, 25, 1043),
        DOUBLE: (700, 701),
        DATE: (1082,),
        INSTANT: (1184,),
    }.items()
    for oid in oids
}
"""Arrow type of each PostgreSQL type, by its number in pg_type."""

REFUSALS: Mapping[type[psycopg.Error], str] = {
    errors.ReadOnlySqlTransaction: "name the server that takes writes in warehouse.url: a standby is only read",
    errors.QueryCanceled: "raise statement_timeout for the role in warehouse.url, or ask who ended the statement",
    errors.DiskFull: "free space on the server, then run this again",
}
"""What to do where the server answers, and cannot do it now."""

SHUT_MILLISECONDS = 50
"""How long readers may queue behind a lock that keeps them out; PostgreSQL looks for deadlocks after a second."""

UPGRADE = "migrate"
"""Lock of an upgrade, which every other transaction shares: none of them meets half-exchanged tables."""

FIND_OWNER = """
SELECT tableowner AS owner FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_version'
  AND tableowner <> current_user AND pg_has_role(current_user, tableowner, 'MEMBER')
"""
"""The role that made the tables, where it is another and the connection may act as it."""

LOCK_KEY = "hashtextextended($1, 0)"
LOCK_HOLDERS = f"""
SELECT a.pid, a.application_name FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = {LOCK_KEY}
"""  # noqa: S608 – constants only


class PostgreSQLWarehouse(SqlWarehouse):
    """See `pipeline.warehouse.Warehouse`."""

    engine: ClassVar[Engine] = "postgresql"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], place: str, patience: float, keep_days: int) -> None:
        self._connection = connection
        self._place = place
        self._patience = patience
        self.keep_days = keep_days

    @classmethod
    def open(cls, config: Config, patience: float) -> PostgreSQLWarehouse:
        """The database at `postgresql://…`; a lock is waited for at most `patience` seconds."""
        place, address = config.warehouse_place, conninfo(config.warehouse.url, "warehouse.url")
        with _own_errors(place):
            connection = psycopg.connect(address, autocommit=True, cursor_factory=psycopg.RawCursor)
        warehouse = cls(connection, place, patience, config.warehouse.keep_days)
        for name, value in (("TimeZone", "UTC"), ("lock_timeout", f"{max(1, int(patience * 1000))}ms")):
            warehouse.execute("SELECT set_config($1, $2, false)", [name, value])
        return warehouse

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def begin(self, lock: str) -> None:
        """Open a transaction that no other with the same `lock` runs beside, and no upgrade."""
        self.execute("BEGIN")
        try:
            if lock != UPGRADE:
                self.hold(UPGRADE, shared=True)
            self.hold(lock)
            if lock == UPGRADE:
                self._act_as_owner()
        except NightcastError:
            self.rollback()
            raise

    def hold(self, lock: str, *, shared: bool = False) -> None:
        """Take the lock until the transaction ends; of one that is shared there may be several. Raises Busy naming who has it."""
        try:
            self.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}({LOCK_KEY})", [f"nightcast {lock}"])
        except Busy as busy:
            self.rollback()  # a failed transaction answers no question
            raise self._held(lock) from busy

    def _act_as_owner(self) -> None:
        """An administrator's upgrade leaves every table with the role that publishes."""
        for row in self.query(FIND_OWNER).to_pylist():
            self.execute(f"SET LOCAL ROLE {ddl.quoted(row['owner'])}")

    def commit(self) -> None:
        """Make the transaction's work visible, all at once."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction's work; quiet when the connection is gone, for then the server has undone it."""
        with suppress(psycopg.Error):
            self._connection.execute("ROLLBACK")

    def shut(self, relations: Sequence[str]) -> None:
        """Keep readers out of these tables and views until the transaction ends; none of them waits long, and none is turned away.

        Raises Busy when one of them reads for longer than the patience.
        """
        if relations:
            retrying = Retrying(
                retry=retry_if_exception_type(Busy),
                stop=stop_after_delay(self._patience),
                wait=wait_random_exponential(multiplier=0.05, max=1.0),
                reraise=True,
            )
            retrying(self._shut_once, relations)

    def _shut_once(self, relations: Sequence[str]) -> None:
        """All the locks at once or none: who waited for one while holding another would make readers wait, or deadlock with them."""
        self.execute("SAVEPOINT open_to_readers")
        try:
            self.execute(f"SET LOCAL lock_timeout = '{SHUT_MILLISECONDS}ms'")
            self.execute(f"LOCK TABLE {ddl.names(relations)} IN ACCESS EXCLUSIVE MODE")
        except Busy:
            self.execute("ROLLBACK TO SAVEPOINT open_to_readers")
            raise

    def land(self, table: Table, rows: pa.Table, night: Night) -> None:
        """Replace the night's rows of one table, within the open transaction; the first of a cutoff come in a partition of their own."""
        if table.parted_by:
            self.hold(f"partition {night.cutoff}")  # two targets may have their first night at one cutoff
        if table.parted_by and partitions.there(self, table).get(partitions.name(table, night.cutoff)) != partitions.READ:
            partitions.load(self, table, rows, night.cutoff)
        else:
            super().land(table, rows, night)

    def drop_before(self, cutoff: Cutoff) -> None:
        """Forget every night with an earlier cutoff in the ledger, then drop its partitions; readers do not wait."""
        with self.transaction("retire"):
            self.execute(ddl.delete_below(SCORE_RUNS, "cutoff"), [cutoff.instant])
        partitions.drop_before(self, cutoff)

    def admit_readers(self) -> None:
        """Let the members of `readers.ROLE` read, within the open transaction."""
        self.execute("SET LOCAL ROLE NONE")  # the owner of the tables may not be allowed to create a role
        readers.admit(self)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement with bound values."""
        with _own_errors(self._place):
            self._connection.execute(sql.encode(), list(parameters) or None)

    def append(self, table: Table, rows: Rows) -> None:
        """Add conformed rows to the table within the open transaction."""
        statement = f"COPY {ddl.quoted(table.name)} ({ddl.names(table.names)}) FROM STDIN (FORMAT csv)"
        with _own_errors(self._place), self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for given in rows if isinstance(rows, pa.RecordBatchReader) else rows.to_batches():
                for start in range(0, given.num_rows, COPY_ROWS):
                    copy.write(_csv(given.slice(start, COPY_ROWS)))

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The rows of one SELECT; values are bound to $1, $2, … Instants come back in UTC."""
        with _own_errors(self._place), self._connection.cursor(binary=True) as cursor:
            cursor.execute(sql.encode(), list(parameters) or None)
            fetched = cursor.fetchall()
            described = cursor.description or []
        columns: list[tuple[Any, ...]] = list(zip(*fetched, strict=True)) or [() for _ in described]
        arrays = [pa.array(values, ARROW.get(column.type_code)) for values, column in zip(columns, described, strict=True)]
        return pa.table(arrays, names=[column.name for column in described])

    def _held(self, lock: str) -> Busy:
        holders = self.query(LOCK_HOLDERS, [f"nightcast {lock}"]).to_pylist()
        named = ", ".join(f"server process {row['pid']} ({row['application_name']})" for row in holders) or "a run that has just ended"
        return Busy(
            f"'{lock}' at {self._place} is held by {named} for more than {self._patience:g} s",
            mend="wait for that run to end, then run this again: it replaces the rows whole",
        )


def _csv(batch: pa.RecordBatch) -> bytes:
    """Rows as COPY reads them: text quoted, null as nothing, floats as their shortest exact decimal."""
    sink = pa.BufferOutputStream()
    pacsv.write_csv(batch, sink, pacsv.WriteOptions(include_header=False))
    written: bytes = sink.getvalue().to_pybytes()
    return written


@contextmanager
def _own_errors(place: str) -> Iterator[None]:
    """Our errors for PostgreSQL's. Only the server's first line is passed on: the others may quote a row, and so a user."""
    try:
        yield
    except (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure) as error:
        raise Busy(
            f"Another session holds a lock at {place}: {_first_line(error)}", mend="wait for it to end, then run this again"
        ) from error
    except errors.DependentObjectsStillExist as error:
        raise ConfigError(
            f"{place}: {_first_line(error)}: {error.diag.message_detail}", mend="drop those, run this again, then create them anew"
        ) from error
    except (errors.InsufficientPrivilege, errors.InvalidSchemaName) as error:
        raise ConfigError(f"{place}: {_first_line(error)}", mend="grant that right to the role in warehouse.url") from error
    except errors.IntegrityError as error:
        raise PublishRefused(f"Rows for {place} were refused: {_first_line(error)}", mend="give each key once") from None
    except tuple(REFUSALS) as error:
        raise Unreachable(f"The warehouse {place} refused: {_first_line(error)}", mend=REFUSALS[type(error)]) from error
    except psycopg.OperationalError as error:
        raise Unreachable(
            f"The warehouse {place} does not answer: {_first_line(error)}",
            mend="check that the server runs, and the host, user, database and password in warehouse.url or NIGHTCAST__WAREHOUSE__URL",
        ) from error


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).partition("\n")[0]
