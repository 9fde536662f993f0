"""Who may read the warehouse in PostgreSQL: the members of one group role, which has no login, no password and no right to write."""

from __future__ import annotations

import logging

from pipeline.errors import ConfigError
from pipeline.warehouse import ddl
from pipeline.warehouse.sql import SqlWarehouse
from pipeline.warehouse.tables import QUARANTINED_EVENTS, TABLES, VIEWS

logger = logging.getLogger(__name__)

ROLE = "nightcast_reader"
PRIVATE = (QUARANTINED_EVENTS.name,)
"""What readers may not see: raw rows, with whatever the source wrote into them."""
READABLE = tuple(relation.name for relation in (*TABLES, *VIEWS) if relation.name not in PRIVATE)

CREATE = f"""DO $$ BEGIN CREATE ROLE {ddl.quoted(ROLE)} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""  # another run may create it at the same time
FIND_RIGHTS = """
SELECT c.relname AS name, n.nspname AS schema, r.oid IS NOT NULL AS known,
  coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE'), false) AS inside,
  coalesce(has_table_privilege(r.oid, c.oid, 'SELECT'), false) AS readable,
  coalesce(has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE'), false) AS reachable
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_roles AS r ON r.rolname = $1
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname
"""


def admit(warehouse: SqlWarehouse) -> None:
    """Create the role and give it its rights, within the open transaction; where the connection may not, the log says what to run."""
    if not (statements := lacking(warehouse)):
        return
    warehouse.execute("SAVEPOINT before_readers")
    try:
        for text in statements:
            warehouse.execute(text)
    except ConfigError:  # a right that the connection lacks
        warehouse.execute("ROLLBACK TO SAVEPOINT before_readers")
    if left := lacking(warehouse):
        logger.warning("nobody reads as %s yet: let an administrator run `%s`", ROLE, "; ".join(" ".join(text.split()) for text in left))


def lacking(warehouse: SqlWarehouse) -> list[str]:
    """The statements that create the role and set its rights, as far as they are still needed."""
    rights, role = warehouse.query(FIND_RIGHTS, [ROLE]).to_pylist(), ddl.quoted(ROLE)
    statements = [] if rights[0]["known"] else [CREATE]
    if not rights[0]["inside"]:
        statements.append(f"GRANT USAGE ON SCHEMA {ddl.quoted(rights[0]['schema'])} TO {role}")
    if closed := [row["name"] for row in rights if row["name"] in READABLE and not row["readable"]]:
        statements.append(f"GRANT SELECT ON {ddl.names(closed)} TO {role}")
    if reachable := [row["name"] for row in rights if row["name"] in PRIVATE and row["reachable"]]:
        statements.append(f"REVOKE ALL ON {ddl.names(reachable)} FROM {role}, PUBLIC")
    return statements
