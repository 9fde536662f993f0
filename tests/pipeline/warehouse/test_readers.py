"""The role that people read with in PostgreSQL: it sees the tables, and can do nothing else (F33)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import psycopg
import pyarrow as pa
import pytest

from pipeline.config import Config
from pipeline.warehouse import migrate, open_warehouse, readers
from pipeline.warehouse.readers import PRIVATE, READABLE, ROLE
from tests.warehouse.engines import config_at
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, run_of, scores

ANALYST = "nightcast_test_analyst"
"""A login that is a member of the role."""
WRITES = (
    "DELETE FROM user_scores",
    "UPDATE score_runs SET scored = 0",
    "INSERT INTO schema_version VALUES (99, now())",
    "TRUNCATE refused_users",
    "DROP VIEW score_deciles",
    "ALTER TABLE user_scores ADD COLUMN x int",
    "CREATE TABLE mine (x int)",
    "CREATE VIEW mine AS SELECT 1",
    "GRANT SELECT ON quarantined_events TO CURRENT_USER",
    "COPY user_scores TO PROGRAM 'true'",
)


@pytest.fixture
def config(new_config: Callable[[str], Config]) -> Config:
    """A PostgreSQL warehouse with one night and one quarantined row."""
    config = new_config("postgresql")
    with open_warehouse(config) as warehouse:
        warehouse.publish(scores(), TARGET, CUTOFF, run_of(scores()))
        row = {"row": [1], "source_row": ["{}"], "reason": ["no user"], "rule": ["r"], "quarantined_at": [CUTOFF.instant]}
        warehouse.replace("quarantined_events", {"batch_date": date(2026, 3, 1)}, pa.table(row))
    return config


def as_user(config: Config, user: str) -> str:
    return config.warehouse.url.replace("postgres:@", f"{user}:@")


def administer(config: Config, *statements: str) -> None:
    with psycopg.connect(config.warehouse.url, autocommit=True) as connection:
        for text in statements:
            connection.execute(text)  # type: ignore[call-overload]


@contextmanager
def reading(config: Config) -> Iterator[psycopg.Connection]:
    """A connection of the analyst."""
    administer(config, f"DROP ROLE IF EXISTS {ANALYST}", f"CREATE ROLE {ANALYST} LOGIN IN ROLE {ROLE}")
    with psycopg.connect(as_user(config, ANALYST), autocommit=True) as connection:
        yield connection
    administer(config, f"DROP ROLE {ANALYST}")


def schema_of(config: Config) -> str:
    return config.warehouse.url.rpartition("%3D")[2]


def test_a_member_reads_everything_but_the_quarantine(config: Config) -> None:
    with reading(config) as analyst:
        for name in READABLE:
            analyst.execute(f"SELECT count(*) FROM {name}")  # type: ignore[call-overload]
        assert analyst.execute("SELECT count(*) FROM user_scores_latest").fetchall() == [(40,)]
        assert analyst.execute("SELECT sum(users) FROM score_deciles").fetchall() == [(40,)]
        for name in PRIVATE:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=name):
                analyst.execute(f"SELECT count(*) FROM {name}")  # type: ignore[call-overload]


def test_a_member_writes_nothing_whatever_it_sets(config: Config) -> None:
    with reading(config) as analyst:
        for setting in ("", "SET default_transaction_read_only = off", f"SET ROLE {ROLE}", "SET row_security = off"):
            analyst.execute(setting or "SELECT 1")  # type: ignore[call-overload]
            for text in WRITES:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    analyst.execute(text)  # type: ignore[call-overload]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("SET ROLE postgres")
    with open_warehouse(config) as warehouse:
        assert warehouse.query("SELECT count(*) AS n FROM user_scores")["n"].to_pylist() == [40]


def test_nights_published_later_are_read_too(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        warehouse.publish(scores(50, 2), TARGET, NEXT, run_of(scores(50, 2)))
    with reading(config) as analyst:
        assert analyst.execute("SELECT count(*) FROM user_scores").fetchall() == [(90,)]
        assert analyst.execute("SELECT count(*) FROM refused_users").fetchall() == [(5,)]


def test_rights_that_were_changed_are_put_right_by_migrating_again(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    administer(
        config,
        f"REVOKE SELECT ON user_scores FROM {ROLE}",
        f"REVOKE USAGE ON SCHEMA {schema_of(config)} FROM {ROLE}",
        f"GRANT INSERT ON quarantined_events TO {ROLE}",
        "GRANT SELECT ON quarantined_events TO PUBLIC",
    )
    migrate(config)
    test_a_member_reads_everything_but_the_quarantine(config)
    assert caplog.messages == []
    with open_warehouse(config) as warehouse:
        assert readers.lacking(warehouse) == []  # type: ignore[arg-type]


def test_a_connection_that_may_not_grant_says_what_to_run(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    administer(config, f"REVOKE SELECT ON user_scores FROM {ROLE}")
    with reading(config), caplog.at_level(logging.WARNING):
        migrate(config_at(config.root, as_user(config, ANALYST)))
    (said,) = caplog.messages
    wanted = f'GRANT SELECT ON "user_scores" TO "{ROLE}"'
    assert f"let an administrator run `{wanted}`" in said
    administer(config, wanted)
    test_a_member_reads_everything_but_the_quarantine(config)


def test_a_role_that_may_not_be_created_is_asked_for_and_the_tables_are_there(
    new_config: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config, owner, role = new_config("postgresql"), "nightcast_test_owner", "nightcast_test_readers"
    monkeypatch.setattr(readers, "ROLE", role)
    monkeypatch.setattr(readers, "CREATE", readers.CREATE.replace(ROLE, role))
    administer(config, f"CREATE ROLE {owner} LOGIN", f"ALTER SCHEMA {schema_of(config)} OWNER TO {owner}")
    try:
        with open_warehouse(config_at(config.root, as_user(config, owner))) as warehouse:
            warehouse.publish(scores(), TARGET, CUTOFF, run_of(scores()))
        (said,) = caplog.messages
        assert f'CREATE ROLE "{role}" NOLOGIN' in said
        administer(config, said.split("`")[1])
        with open_warehouse(config) as warehouse:
            assert readers.lacking(warehouse) == []  # type: ignore[arg-type]
    finally:
        administer(config, f"DROP SCHEMA {schema_of(config)} CASCADE", f"DROP ROLE IF EXISTS {role}", f"DROP ROLE {owner}")


def test_two_runs_that_create_the_role_at_once_are_both_content(config: Config) -> None:
    administer(config, readers.CREATE, readers.CREATE)


def test_a_duckdb_file_knows_no_rights(new_config: Callable[[str], Config], caplog: pytest.LogCaptureFixture) -> None:
    migrate(new_config("duckdb"))
    assert caplog.messages == []
