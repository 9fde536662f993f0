"""A table, view or query of a PostgreSQL database, streamed through ADBC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.config_source import Stream
from pipeline.errors import Busy, SourceError, Unreachable
from pipeline.postgresql_url import conninfo, masked
from pipeline.source.columns import by_name
from pipeline.source.mapping_sql import quoted

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

BATCH_BYTES = 8 * 1024**2

SETTINGS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "statement_timeout": "1h",
    "lock_timeout": "30s",
    "synchronize_seqscans": "off",
    "max_parallel_workers_per_gather": "0",
}
"""Of the transaction that reads: values as text in one way, bounded waiting, and the rows of an unchanged table in one order."""

RELATIONS = """pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.pg_table_is_visible(c.oid) AS visible) AS v WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"""
TABLES = f"""SELECT n.nspname, c.relname FROM {RELATIONS}
AND (v.visible AND c.relname = $1 OR n.nspname || '.' || c.relname = $1) ORDER BY c.relname = $1 DESC"""  # noqa: S608 – constants only
VISIBLE = f"""SELECT c.relname FROM {RELATIONS}
AND v.visible AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 20"""  # noqa: S608 – constants only

LOCKED = frozenset({"55P03", "40P01"})
LOST = frozenset({"08", "40", "53", "57", "58", "XX"})
"""Classes of SQLSTATE that another try may not meet again."""

SAID = re.compile(r"(?:ERROR|FATAL|PANIC):\s*(?P<reason>[^\n]*)")
PASSING = re.compile("timeout|the database system is|too many|remaining connection slots|terminating|conflict with recovery")
"""What the server also says when it will do better later; a wrong password, role or query is not among it."""


@dataclass(frozen=True)
class PostgreSQLRelation:
    """See `pipeline.source.relation.Relation`. Rows of a table come as they lie in it, until an UPDATE or VACUUM moves them."""

    place: str
    columns: Mapping[str, str]
    _session: _Session
    _select: str

    def bound(self, name: str) -> str:
        """A setting of the transaction, which a value was bound to: the driver streams only statements without parameters."""
        return f"current_setting('nightcast.{name}')"

    def batches(self, select: str, where: str, bounds: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """By COPY, some megabytes at a time."""
        self._session.set({f"nightcast.{name}": value for name, value in bounds.items()})
        names = ", ".join(f"c{position}" for position in range(len(self.columns)))
        query = f"SELECT {select} FROM ({self._select}\n) AS rows({names}) WHERE {where}"  # noqa: S608 – quoted names, or the configuration's own query
        yield from self._session.stream(query, self.place)


class _Session:
    """One read-only transaction: what it sees does not change."""

    def __init__(self, connection: Connection, stack: ExitStack) -> None:
        self._connection, self._stack = connection, stack

    def set(self, settings: Mapping[str, str]) -> None:
        calls = ", ".join(f"set_config(${2 * n + 1}, ${2 * n + 2}, true)" for n in range(len(settings)))
        if settings:
            self.query(f"SELECT {calls}", [text for pair in settings.items() for text in pair], "settings")

    def query(self, sql: str, values: Sequence[str], place: str) -> list[tuple[Any, ...]]:
        with _own_errors(place), self._connection.cursor() as cursor:
            cursor.execute(sql, list(values) or None)
            return list(cursor.fetchall())

    def names(self, select: str, place: str) -> list[str]:
        """Of the columns of one SELECT, by the extended protocol, which takes one statement only."""
        with _own_errors(place), self._connection.cursor() as cursor:
            return list(cursor.adbc_execute_schema(select).names)

    def stream(self, sql: str, place: str) -> Iterator[pa.RecordBatch]:
        with _own_errors(place):
            cursor = self._stack.enter_context(self._connection.cursor())
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(sql)
            yield from self._stack.enter_context(cursor.fetch_record_batch())


@contextmanager
def open_postgresql(stream: Stream, name: str, url: str) -> Iterator[PostgreSQLRelation]:
    """The stream's table or query in the database, in a transaction that can write nothing.

    Raises ConfigError for a URL that is none, SourceError if the server refuses the login, the table or the query, Busy if it is locked,
    Unreachable if the server does not answer. No message holds the password.
    """
    from adbc_driver_postgresql import dbapi

    with ExitStack() as stack:
        with _own_errors(f"database {masked(url)}"):
            connection = stack.enter_context(dbapi.connect(conninfo(url, "source.url")))
        session = _Session(connection, stack)
        session.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", [], "settings")
        session.set(SETTINGS)
        if stream.table:
            place, select = _table(session, stream.table, masked(url))
        else:
            place, select = f"query of stream {name}", stream.query.rstrip().rstrip(";")
        yield PostgreSQLRelation(place, _columns(session, select, place), session, select)


def _table(session: _Session, wanted: str, where: str) -> tuple[str, str]:
    """Its place and its SELECT, by the name that the catalogue has."""
    found = session.query(TABLES, [wanted], f"catalogue of {where}")
    if not found:
        known = ", ".join(row[0] for row in session.query(VISIBLE, [], f"catalogue of {where}")) or "none"
        raise SourceError(f"{where} has no table {wanted!r}; its tables: {known}", mend="correct the stream's table or url")
    return f"table {'.'.join(found[0])}", f"SELECT * FROM {'.'.join(quoted(part) for part in found[0])}"  # noqa: S608 – quoted


def _columns(session: _Session, select: str, place: str) -> dict[str, str]:
    """Types by column, as the server describes them. The join holds no row of the query, which therefore does not run."""
    names = session.names(select, place)
    columns = [f"c{position}" for position in range(len(names))]
    types = ", ".join(f"CAST(pg_catalog.pg_typeof({column}) AS text)" for column in columns)
    described = session.query(
        f"SELECT {types} FROM (SELECT 1) AS one LEFT JOIN ({select}\n) AS rows({', '.join(columns)}) ON false",  # noqa: S608 – as in `batches`
        [],
        place,
    )
    return by_name(f"The {place}", names, list(described[0]))


@contextmanager
def _own_errors(place: str) -> Iterator[None]:
    """Our errors for the driver's; only what the server says first is passed on, for the rest may quote a row."""
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, OSError) as error:
        raise _own_error(place, error) from error


def _own_error(place: str, error: Exception) -> Busy | SourceError | Unreachable:
    text, state = str(error), getattr(error, "sqlstate", None) or ""
    said = SAID.search(text)
    reason = said["reason"] if said else text.partition("\n")[0]
    if state in LOCKED or "lock timeout" in reason:
        return Busy(f"The {place} is locked by another session: {reason}", mend="wait for it to end, then run this again")
    if said and state[:2] not in LOST and not PASSING.search(reason):
        return SourceError(f"The {place} cannot be read: {reason}", mend="correct the stream's table, query or url in nightcast.toml")
    return Unreachable(
        f"The {place} does not answer: {reason}", mend="check that the server runs and can be reached; then run this again: it reads anew"
    )
