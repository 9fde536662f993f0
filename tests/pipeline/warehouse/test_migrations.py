from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.warehouse import migrations
from pipeline.warehouse.schema import Engine
from pipeline.warehouse.tables import TABLES, VIEWS


def test_an_empty_warehouse_gets_everything_at_once() -> None:
    texts = migrations.statements(None, "duckdb")
    assert sum(text.startswith("CREATE TABLE") for text in texts) == len(TABLES)
    assert sum(text.startswith("CREATE OR REPLACE VIEW") for text in texts) == len(VIEWS)


def test_an_up_to_date_warehouse_gets_nothing() -> None:
    assert migrations.statements(migrations.newest(), "postgresql") == []


def test_upgrades_run_in_order_from_the_version_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "UPGRADES", {3: ("third",), 2: ("second", "second again")})
    assert migrations.newest() == 3
    assert migrations.statements(1, "duckdb")[:3] == ["second", "second again", "third"]
    assert migrations.statements(2, "duckdb")[:1] == ["third"]
    assert not any(text.startswith("CREATE TABLE") for text in migrations.statements(2, "duckdb"))


@pytest.mark.parametrize(
    ("found", "engine", "tables"),
    [(4, "postgresql", 2), (1, "postgresql", 2), (5, "postgresql", 0), (None, "postgresql", 0), (4, "duckdb", 0)],
)
def test_only_an_older_postgresql_is_copied_into_partitions(found: int | None, engine: Engine, tables: int) -> None:
    assert sum(text.startswith("INSERT INTO") for text in migrations.preparations(found, engine)) == tables
    assert sum("DROP TABLE" in text for text in migrations.statements(found, engine)) == tables


def test_every_version_after_the_first_has_its_upgrade() -> None:
    assert sorted(migrations.UPGRADES) == list(range(2, migrations.newest() + 1))


def test_a_warehouse_of_a_newer_program_is_refused() -> None:
    with pytest.raises(ConfigError, match=rf"version 9; this program knows versions up to {migrations.newest()}"):
        migrations.statements(9, "duckdb")
