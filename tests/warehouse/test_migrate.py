"""Every table, view and comment is there, once, on every engine."""

from __future__ import annotations

import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.warehouse import migrations, open_warehouse
from pipeline.warehouse.sql import SqlWarehouse
from pipeline.warehouse.tables import TABLES, USER_SCORES, VIEWS
from tests.warehouse import older
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, run_of, scores

COMMENTS = {
    "duckdb": """
        SELECT table_name AS relation, NULL AS "column", comment FROM duckdb_tables() UNION ALL
        SELECT view_name, NULL, comment FROM duckdb_views() WHERE NOT internal UNION ALL
        SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal""",
    "postgresql": """
        SELECT c.relname AS relation, a.attname AS "column", col_description(c.oid, a.attnum) AS comment
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition UNION ALL
        SELECT relname, NULL, obj_description(oid) FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition""",
}
COLUMNS = """
SELECT table_name AS relation, column_name AS name, is_nullable = 'YES' AS optional FROM information_schema.columns
WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position
"""
DECLARED = (*TABLES, *VIEWS)


def test_every_table_view_and_column_carries_its_comment(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        rows = warehouse.query(COMMENTS[config.warehouse.url.partition(":")[0]]).to_pylist()
    found = {(row["relation"], row["column"]): row["comment"] for row in rows}
    expected = {(relation.name, None): relation.comment for relation in DECLARED}
    expected |= {(relation.name, column.name): column.comment for relation in DECLARED for column in relation.columns}
    assert found == expected


def test_tables_have_the_declared_columns_in_order(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        found = warehouse.query(COLUMNS).to_pylist()
    names = {relation.name: [row["name"] for row in found if row["relation"] == relation.name] for relation in DECLARED}
    assert names == {relation.name: [column.name for column in relation.columns] for relation in DECLARED}
    declared = {table.name for table in TABLES}
    optional = {(row["relation"], row["name"]) for row in found if row["optional"] and row["relation"] in declared}
    assert optional == {(table.name, column.name) for table in TABLES for column in table.columns if column.optional}


def test_migrating_again_changes_nothing_and_keeps_the_rows(config: Config) -> None:
    rows = scores()
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
        versions = warehouse.query("SELECT * FROM schema_version")
        warehouse.migrate()
    with open_warehouse(config) as warehouse:
        assert warehouse.query("SELECT * FROM schema_version") == versions
        assert warehouse.query("SELECT count(*) AS n FROM user_scores")["n"].to_pylist() == [40]


def test_an_up_to_date_warehouse_is_only_looked_at(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_warehouse(config) as warehouse:

        def refuse(*_: object) -> None:
            raise AssertionError("a statement was run")

        monkeypatch.setattr(type(warehouse), "execute", refuse)
        warehouse.migrate()


def upgrades(version: int, *statements: str) -> dict[int, tuple[str, ...]]:
    """Those there are, and these."""
    return {**migrations.UPGRADES, version: statements}


def test_an_older_warehouse_is_upgraded_with_its_rows(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, next_version = scores(), migrations.newest() + 1
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
        monkeypatch.setattr(migrations, "UPGRADES", upgrades(next_version, 'ALTER TABLE "score_runs" ADD COLUMN "note" text'))
        warehouse.migrate()
        assert warehouse.query("SELECT note FROM score_runs").to_pylist() == [{"note": None}]
        assert warehouse.query("SELECT max(version) AS v FROM schema_version")["v"].to_pylist() == [next_version]
        assert warehouse.query("SELECT count(*) AS n FROM user_scores_latest")["n"].to_pylist() == [40]


def test_a_failed_upgrade_leaves_the_older_version(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    found = migrations.newest()
    with open_warehouse(config) as warehouse:
        broken = ('ALTER TABLE "score_runs" ADD COLUMN "note" text', "SELECT no_such_column")
        monkeypatch.setattr(migrations, "UPGRADES", upgrades(found + 1, *broken))
        with pytest.raises(Exception, match="no_such_column"):
            warehouse.migrate()
        assert warehouse.query("SELECT max(version) AS v FROM schema_version")["v"].to_pylist() == [found]
        assert "note" not in warehouse.query("SELECT * FROM score_runs").column_names


def test_a_warehouse_of_a_newer_program_is_refused(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations.newest()
    monkeypatch.setattr(migrations, "UPGRADES", upgrades(known + 1))
    with open_warehouse(config):
        pass
    monkeypatch.undo()
    with pytest.raises(ConfigError, match=rf"version {known + 1}.*up to {known}"), open_warehouse(config):
        pass


def test_a_warehouse_of_version_1_becomes_what_a_new_one_is_and_keeps_its_rows(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    older.program_of(1, monkeypatch)
    day = "DATE '2026-01-05'"
    with open_warehouse(config) as warehouse:
        assert isinstance(warehouse, SqlWarehouse)
        warehouse.execute(f"INSERT INTO validation_runs VALUES ({day}, 3, 1, 1, 1, 0, true, 'file:///x')")
        warehouse.execute(f"INSERT INTO quarantined_events VALUES ({day}, 2, '{{}}', 'no user', 'user_id_missing', {day})")
        first = warehouse.query("SELECT * FROM validation_runs")
    monkeypatch.undo()
    with open_warehouse(config) as warehouse:
        assert warehouse.query("SELECT max(version) AS v FROM schema_version")["v"].to_pylist() == [migrations.newest()]
        runs = warehouse.query("SELECT * FROM validation_runs")
        assert runs.select(first.column_names).equals(first)
        assert [set(runs[name].to_pylist()) for name in older.ADDED["validation_runs"]] == [{None}] * 5
        refused = 'SELECT "row", reason, stream, place FROM quarantined_events'
        assert warehouse.query(refused).to_pylist() == [{"row": 2, "reason": "no user", "stream": None, "place": None}]
    test_every_table_view_and_column_carries_its_comment(config)
    test_tables_have_the_declared_columns_in_order(config)


@pytest.mark.parametrize("version", range(1, migrations.newest()))
def test_nights_of_an_older_version_stay_as_they_are(config: Config, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    nights = {CUTOFF: scores(40, 3), NEXT: scores(50, 0, seed=2)}
    older.program_of(version, monkeypatch)
    with open_warehouse(config) as warehouse:
        assert isinstance(warehouse, SqlWarehouse)
        assert warehouse.query("SELECT * FROM score_deciles").column_names == older.decile_columns(version)
        for cutoff, rows in nights.items():
            older.put(warehouse, rows, TARGET, cutoff)
        before = {name: warehouse.query(f"SELECT * FROM {name} ORDER BY 1, 2, 3").to_pylist() for name in older.NIGHT_TABLES}
        checksums = [warehouse.checksum(TARGET, cutoff) for cutoff in nights]
    monkeypatch.undo()
    with open_warehouse(config) as warehouse:
        assert {name: warehouse.query(f"SELECT * FROM {name} ORDER BY 1, 2, 3").to_pylist() for name in older.NIGHT_TABLES} == before
        assert [warehouse.checksum(TARGET, cutoff) for cutoff in nights] == checksums
        assert warehouse.query("SELECT * FROM score_deciles").column_names == older.decile_columns(migrations.newest())
        warehouse.publish(nights[NEXT], TARGET, NEXT, run_of(nights[NEXT]))
        assert warehouse.checksum(TARGET, NEXT) == checksums[1]
    test_every_table_view_and_column_carries_its_comment(config)
    test_tables_have_the_declared_columns_in_order(config)


def test_the_key_of_a_night_is_the_primary_key(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        found = warehouse.query(
            "SELECT k.column_name AS name FROM information_schema.table_constraints AS c"
            " JOIN information_schema.key_column_usage AS k ON k.constraint_name = c.constraint_name AND k.table_name = c.table_name AND k.table_schema = c.table_schema"
            " WHERE c.table_name = $1 AND c.constraint_type = 'PRIMARY KEY' AND k.table_schema = current_schema() ORDER BY k.ordinal_position",
            ["user_scores"],
        )
    assert tuple(found["name"].to_pylist()) == USER_SCORES.key
