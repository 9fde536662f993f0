from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline.config import Config
from pipeline.errors import SourceError
from pipeline.source.reading import open_source

Configured = Callable[..., Config]
NOTHING = pa.table({"event_id": pa.array([], pa.string())})
COLUMNS = {"user_id": '"user id"', "event_time": "at", "event_type": "kind", "value": "price * amount"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            """CREATE TABLE "order; drop" ("user id" DOUBLE, "at" TIMESTAMP, kind VARCHAR, price DECIMAL(9, 2), amount INTEGER);
            INSERT INTO "order; drop" VALUES
              (1, '2026-03-28 23:59:59.999999', 'view', 1, 1),
              (2, '2026-03-29 00:00:00', 'view', 2.55, 6),
              (3, '2026-03-29 23:59:59.999999', 'purchase', NULL, 1),
              (4, '2026-03-30 00:00:00', 'view', 1, 1),
              (5, NULL, 'view', 1, 1);
            CREATE SCHEMA other;
            CREATE VIEW other.typed AS SELECT "user id", "at"::TIMESTAMPTZ AS "at", kind, price, amount FROM main."order; drop";
            CREATE VIEW texts AS SELECT "user id", strftime("at", '%Y-%m-%dT%H:%M:%S.%f') AS "at", kind, price, amount FROM "order; drop";
            CREATE VIEW other.lost AS SELECT * FROM texts;"""
        )
    return path


def read(config: Config, day: date = date(2026, 3, 29)) -> list[tuple[str, int | None]] | None:
    with open_source(config, config.root / "spill") as source:
        batch = source.read(day, NOTHING)
    return batch and sorted(zip(batch.accepted["user_id"].to_pylist(), batch.accepted["value"].to_pylist(), strict=True))


@pytest.mark.parametrize("table", ["order; drop", "main.order; drop", "texts"])
def test_rows_of_the_local_day(table: str, configured: Configured, database: Path) -> None:
    config = configured(table=table, url="duckdb:///shop.duckdb", columns=COLUMNS)
    assert read(config) == [("2.0", 153_000), ("3.0", None)]


def test_aware_times_are_instants(configured: Configured, database: Path) -> None:
    config = configured(table="other.typed", url="duckdb:///shop.duckdb", columns=COLUMNS)
    assert read(config) == [("1.0", 10_000), ("2.0", 153_000)]


def test_a_day_without_rows_is_none(configured: Configured, database: Path) -> None:
    assert read(configured(table="texts", url="duckdb:///shop.duckdb", columns=COLUMNS), date(2026, 1, 1)) is None


@pytest.mark.parametrize("table", ["order; drop", "texts"])
def test_rows_without_a_time_are_counted(table: str, configured: Configured, database: Path) -> None:
    config = configured(table=table, url="duckdb:///shop.duckdb", columns=COLUMNS)
    with open_source(config, config.root / "spill") as source:
        assert source.undated() == 1


def test_the_warehouse_is_the_default_place(configured: Configured, database: Path) -> None:
    config = configured(table="texts", columns=COLUMNS, warehouse={"url": "duckdb:///shop.duckdb"})
    assert len(read(config) or []) == 2
    with duckdb.connect(str(database)) as connection:  # the file is free again
        connection.execute("CREATE TABLE mine (a INTEGER)")


def test_a_missing_table_is_named_with_those_there_are(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match=r"no table 'orders'; its tables: order; drop, texts, other\.lost, other\.typed"):
        read(configured(table="orders", url="duckdb:///shop.duckdb", columns=COLUMNS))


def test_a_missing_column_is_named(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match=r"Table texts has no column 'who' \(for user_id\)"):
        read(configured(table="texts", url="duckdb:///shop.duckdb", columns={**COLUMNS, "user_id": "who"}))


def test_another_engine_is_refused_without_its_password(configured: Configured) -> None:
    with pytest.raises(SourceError, match="not yet from postgresql") as found:
        read(configured(table="orders", url="postgresql://me:secret@host/db"))
    assert "secret" not in str(found.value)


def test_a_view_that_cannot_be_read_is_one_error(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match=r"Table other\.lost cannot be read: .*texts"):
        read(configured(table="other.lost", url="duckdb:///shop.duckdb", columns=COLUMNS))
