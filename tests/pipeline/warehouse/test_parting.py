"""An upgrade to partitions takes along what others have put on the tables, or says what it cannot take."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from pipeline.config import Config
from pipeline.config_sections import Warehouse as Section
from pipeline.errors import ConfigError
from pipeline.warehouse import migrate, migrations, open_warehouse
from tests.pipeline.warehouse.test_retention import days, publish
from tests.warehouse.test_migrate_readers import of_version


@pytest.fixture
def config(new_config: Callable[[str], Config]) -> Config:
    """An empty PostgreSQL warehouse."""
    return new_config("postgresql")


def views_of(config: Config, *statements: str) -> None:
    with psycopg.connect(config.warehouse.url, autocommit=True) as connection:
        for text in statements:
            connection.execute(text)  # type: ignore[call-overload]


def test_an_upgrade_keeps_indexes_rights_and_other_peoples_views(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    of_version(config, monkeypatch, 4, users=100)
    role = f"reader_{config.warehouse.url[-12:]}"
    views_of(
        config,
        'CREATE VIEW "her view" WITH (security_barrier = true) AS SELECT user_id, score FROM user_scores WHERE decile = 1',
        'CREATE VIEW "on hers" AS SELECT count(*) AS n FROM "her view"',
        "CREATE INDEX by_user ON user_scores (user_id)",
        f'CREATE ROLE "{role}"',
        f'GRANT SELECT, UPDATE ON user_scores TO "{role}"',
        "GRANT SELECT ON refused_users TO PUBLIC",
    )
    migrate(config)
    with open_warehouse(config) as warehouse:
        publish(warehouse, 5, users=1000)
        rows = warehouse.query(
            """SELECT (SELECT n FROM "on hers") AS best, has_table_privilege($1, 'user_scores', 'SELECT, UPDATE') AS reads,
              has_table_privilege($1, 'refused_users', 'SELECT') AS reads_refused, has_table_privilege($1, 'refused_users', 'DELETE') AS deletes,
              (SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%(user_id)%' AND schemaname = current_schema()) AS indexes,
              (SELECT reloptions::text FROM pg_class WHERE oid = '"her view"'::regclass) AS options""",
            [role],
        ).to_pylist()
    assert rows == [
        {"best": 120, "reads": True, "reads_refused": True, "deletes": False, "indexes": 4, "options": "{security_barrier=true}"}
    ]
    views_of(config, f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')


def test_an_administrators_upgrade_leaves_the_tables_with_the_role_that_publishes(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, schema = f"owner_{config.warehouse.url[-12:]}", config.warehouse.url.rpartition("%3D")[2]
    views_of(config, f'CREATE ROLE "{owner}" LOGIN', f'ALTER SCHEMA "{schema}" OWNER TO "{owner}"')
    own = config.model_copy(update={"warehouse": Section(url=config.warehouse.url.replace("postgres:@", f"{owner}:@"))})
    of_version(own, monkeypatch, 3, users=100)
    assert migrate(config).found == 3
    with open_warehouse(own) as warehouse:
        publish(warehouse, 0, users=30)
        publish(warehouse, 5)
        assert days(warehouse) == [0, 1, 5]
        owners = warehouse.query("SELECT DISTINCT tableowner AS name FROM pg_tables WHERE schemaname = current_schema()").to_pylist()
    assert owners == [{"name": owner}]
    views_of(config, f'DROP OWNED BY "{owner}" CASCADE', f'DROP ROLE "{owner}"')


def test_what_an_upgrade_cannot_take_along_is_named_and_nothing_changes(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    of_version(config, monkeypatch, 4, users=100)
    views_of(config, "CREATE MATERIALIZED VIEW hers AS SELECT count(*) FROM user_scores")
    with pytest.raises(ConfigError, match=r"materialized view hers depends on table[\s\S]*drop those, run this again"):
        migrate(config)
    with psycopg.connect(config.warehouse.url) as reader:
        assert reader.execute("SELECT max(version), (SELECT count(*) FROM user_scores) FROM schema_version").fetchall() == [(4, 200)]
    views_of(config, "DROP MATERIALIZED VIEW hers")
    assert migrate(config).reached == migrations.newest()
