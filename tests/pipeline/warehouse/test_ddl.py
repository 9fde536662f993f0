from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.warehouse import ddl
from pipeline.warehouse.schema import DOUBLE, INSTANT, TEXT, Column, Engine, Table, View

COLUMNS = (Column("row", INSTANT, "When."), Column('a"b', TEXT, "It's a name."), Column("x", DOUBLE, "Size.", optional=True))
TABLE = Table("order", "Reserved words; quotes '.", ("row", 'a"b'), COLUMNS)


@pytest.mark.parametrize(
    ("engine", "types"), [("duckdb", ("TIMESTAMPTZ", "VARCHAR", "DOUBLE")), ("postgresql", ("timestamptz", "text", "double precision"))]
)
def test_tables_have_quoted_names_keys_and_comments(engine: Engine, types: tuple[str, str, str]) -> None:
    assert ddl.create_table(TABLE, engine) == [
        f'CREATE TABLE "order" (\n  "row" {types[0]} NOT NULL,\n  "a""b" {types[1]} NOT NULL,\n  "x" {types[2]},\n  PRIMARY KEY ("row", "a""b")\n)',
        """COMMENT ON TABLE "order" IS 'Reserved words; quotes ''.'""",
        """COMMENT ON COLUMN "order"."row" IS 'When.'""",
        """COMMENT ON COLUMN "order"."a""b" IS 'It''s a name.'""",
        """COMMENT ON COLUMN "order"."x" IS 'Size.'""",
    ]


def test_only_postgresql_keeps_partitions() -> None:
    parted = replace(TABLE, parted_by='a"b')
    assert ddl.create_table(parted, "duckdb") == ddl.create_table(TABLE, "duckdb")
    assert ddl.create_table(parted, "postgresql")[0] == ddl.create_table(TABLE, "postgresql")[0] + ' PARTITION BY LIST ("a""b")'


def test_views_are_replaced_in_place_with_their_comments() -> None:
    view = View("v", "Rows.", COLUMNS[:1], 'SELECT "row" FROM "order"')
    assert ddl.create_view(view) == [
        'CREATE OR REPLACE VIEW "v" AS\nSELECT "row" FROM "order"',
        """COMMENT ON VIEW "v" IS 'Rows.'""",
        """COMMENT ON COLUMN "v"."row" IS 'When.'""",
    ]


def test_statements_bind_values_and_quote_names() -> None:
    assert ddl.select(TABLE, ["x"], ["row", 'a"b']) == 'SELECT "x" FROM "order" WHERE "row" = $1 AND "a""b" = $2'
    assert ddl.count(TABLE, ["row"]) == 'SELECT count(*) AS "rows" FROM "order" WHERE "row" = $1'
    assert ddl.delete(TABLE, ['a"b']) == 'DELETE FROM "order" WHERE "a""b" = $1'
    assert ddl.delete_below(TABLE, 'a"b') == 'DELETE FROM "order" WHERE "a""b" < $1'
    assert ddl.insert_from(TABLE, "r") == 'INSERT INTO "order" ("row", "a""b", "x") SELECT "row", "a""b", "x" FROM "r"'
