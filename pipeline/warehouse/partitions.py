"""PostgreSQL keeps the rows of each cutoff in a partition of their own: loaded apart, shown at once, dropped whole."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from features.cutoff import Cutoff
from pipeline.warehouse import ddl
from pipeline.warehouse.schema import Table
from pipeline.warehouse.sql import SqlWarehouse
from pipeline.warehouse.tables import NIGHT_TABLES

READ, LEAVING = "read", "leaving"
FIND = f"""
SELECT c.relname AS name, CASE WHEN i.inhdetachpending THEN '{LEAVING}' ELSE '{READ}' END AS state
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY c.relname
"""  # noqa: S608 – constants only
"""Partitions of a table."""
FIND_LEFT = """
SELECT relname AS name FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND NOT relispartition AND relname ~ $1 ORDER BY relname
"""
"""Tables that were partitions once, and were not dropped because the run that took them out ended."""
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('nightcast retire', 0)) AS mine"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('nightcast retire', 0))"
KEY = r"[0-9]{8}T[0-9]{6}Z"


def name(table: Table, cutoff: Cutoff) -> str:
    """The partition of a cutoff."""
    return f"{table.name} {cutoff.key}"


def there(warehouse: SqlWarehouse, table: Table) -> dict[str, str]:
    """The partitions of a table in order of their cutoffs, each `READ`, or `LEAVING` where a run that took it out was killed."""
    return {row["name"]: row["state"] for row in warehouse.query(FIND, [ddl.quoted(table.name)]).to_pylist()}


def load(warehouse: SqlWarehouse, table: Table, rows: pa.Table, cutoff: Cutoff) -> None:
    """Put the first rows of a cutoff into a table of their own and make it a partition, within the open transaction.

    Indexes are built when the rows are in it, which is faster; the check holds each row as it comes, so that attaching reads none of
    them again. No reader waits.
    """
    parent, own = ddl.quoted(table.name), ddl.quoted(name(table, cutoff))
    value, check = f"TIMESTAMPTZ {ddl.literal(cutoff.instant.isoformat())}", ddl.quoted("one cutoff")
    if name(table, cutoff) in there(warehouse, table):
        warehouse.execute(f"ALTER TABLE {parent} DETACH PARTITION {own} FINALIZE")
    warehouse.execute(f"DROP TABLE IF EXISTS {own}")
    warehouse.execute(f"CREATE TABLE {own} (LIKE {parent}, CONSTRAINT {check} CHECK ({ddl.quoted(table.parted_by)} = {value}))")
    warehouse.append(replace(table, name=name(table, cutoff)), rows)
    warehouse.execute(f"ALTER TABLE {parent} ATTACH PARTITION {own} FOR VALUES IN ({value})")
    warehouse.execute(f"ALTER TABLE {own} DROP CONSTRAINT {check}")


def drop_before(warehouse: SqlWarehouse, cutoff: Cutoff) -> None:
    """Take every partition of an earlier cutoff out and drop it, and what runs that were killed left of theirs; no reader waits.

    Outside any transaction, for only so a partition leaves without a moment in which nobody may read. Of two runs one does it.
    """
    if not warehouse.query(TRY_LOCK)["mine"][0].as_py():
        return
    try:
        for table in (table for table in NIGHT_TABLES if table.parted_by):
            _take_out(warehouse, table, cutoff)
            _drop_left(warehouse, table)
    finally:
        warehouse.query(UNLOCK)


def _take_out(warehouse: SqlWarehouse, table: Table, cutoff: Cutoff) -> None:
    for partition, state in there(warehouse, table).items():
        if state == LEAVING or Cutoff.from_key(partition.rpartition(" ")[2]) < cutoff:
            how = "FINALIZE" if state == LEAVING else "CONCURRENTLY"
            warehouse.execute(f"ALTER TABLE {ddl.quoted(table.name)} DETACH PARTITION {ddl.quoted(partition)} {how}")


def _drop_left(warehouse: SqlWarehouse, table: Table) -> None:
    for left in warehouse.query(FIND_LEFT, [f"^{table.name} {KEY}$"])["name"].to_pylist():
        warehouse.execute(f"DROP TABLE IF EXISTS {ddl.quoted(left)}")
