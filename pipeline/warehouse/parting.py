"""How a PostgreSQL table of every night becomes one of partitions: copied while people read, exchanged in a moment."""

from __future__ import annotations

from pipeline.warehouse import ddl
from pipeline.warehouse.schema import Table

VERSION = 5
"""Version of the tables that has partitions first."""


def copy(table: Table) -> list[str]:
    """Statements that make a copy in partitions beside the table, with its indexes and the rights on it; nobody reads it yet.

    Who writes waits until the transaction ends, who reads does not.
    """
    own, fresh, column = ddl.quoted(table.name), ddl.quoted(_fresh(table)), ddl.quoted(table.parted_by)
    return [
        f"LOCK TABLE {own} IN SHARE ROW EXCLUSIVE MODE",
        f"CREATE TABLE {fresh} (LIKE {own} INCLUDING ALL) PARTITION BY LIST ({column})",
        f"""DO $$
DECLARE night timestamptz; granted record;
BEGIN
  FOR night IN SELECT DISTINCT {column} FROM {own} ORDER BY 1 LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF {fresh} FOR VALUES IN (%L)',
      {ddl.literal(table.name)} || to_char(night AT TIME ZONE 'UTC', ' YYYYMMDD"T"HH24MISS"Z"'), night);
  END LOOP;
  FOR granted IN SELECT acl.* FROM pg_class, aclexplode(relacl) AS acl WHERE oid = to_regclass({ddl.literal(own)}) LOOP
    EXECUTE format('GRANT %s ON {fresh} TO %s', granted.privilege_type,
      CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
  END LOOP;
END $$""",  # noqa: S608 – quoted
        f"INSERT INTO {fresh} SELECT * FROM {own}",  # noqa: S608 – quoted
    ]


def exchange(table: Table) -> list[str]:
    """Statements that put the copy in the table's place and let every view on the table, whoever made it, read the copy."""
    own, fresh, whole = ddl.quoted(table.name), ddl.quoted(_fresh(table)), ddl.quoted(f"{table.name} whole")
    return [
        f"""DO $$
DECLARE views text[]; view text;
BEGIN
  SELECT array_agg(format('CREATE OR REPLACE VIEW %s%s AS %s', c.oid::regclass,
      ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)) ORDER BY c.oid)
    INTO views FROM pg_class AS c WHERE c.relkind = 'v' AND c.oid IN (
      SELECT r.ev_class FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
      WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass({ddl.literal(own)}));
  ALTER TABLE {own} RENAME TO {whole};
  ALTER TABLE {fresh} RENAME TO {own};
  FOREACH view IN ARRAY coalesce(views, '{{}}') LOOP EXECUTE view; END LOOP;
  DROP TABLE {whole};
  ALTER TABLE {own} RENAME CONSTRAINT {ddl.quoted(f"{_fresh(table)}_pkey")} TO {ddl.quoted(f"{table.name}_pkey")};
END $$"""  # noqa: S608 – quoted
    ]


def _fresh(table: Table) -> str:
    return f"{table.name} parted"
