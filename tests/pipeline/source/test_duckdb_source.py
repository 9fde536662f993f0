from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipeline.config import Config
from pipeline.errors import Busy, ConfigError, SourceError
from pipeline.source.reading import open_source
from tests.pipeline.source.taken import of_day, rows, users

Configured = Callable[..., Config]
COLUMNS = {"user_id": '"user id"', "event_time": "at", "event_type": "kind"}
DAY = date(2026, 3, 29)
HERE = {"url": "duckdb:///shop.duckdb", "columns": COLUMNS}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            """CREATE TABLE "order; drop" ("user id" DOUBLE, "at" TIMESTAMP, kind VARCHAR, price DECIMAL(9, 2), "a""b" INTEGER[]);
            INSERT INTO "order; drop" VALUES
              (1, '2026-03-28 23:59:59.999999', 'view', 1, NULL),
              (2, '2026-03-29 00:00:00', 'view', 2.55, [1, 2]),
              (3, '2026-03-29 23:59:59.999999', 'purchase', NULL, NULL),
              (4, '2026-03-30 00:00:00', 'view', 1, NULL),
              (5, NULL, 'view', 1, NULL),
              (6, 'infinity', 'view', 1, NULL);
            CREATE SCHEMA other;
            CREATE VIEW other.typed AS SELECT * REPLACE ("at"::TIMESTAMPTZ AS "at") FROM main."order; drop";
            CREATE VIEW texts AS SELECT * REPLACE (strftime("at", '%Y-%m-%dT%H:%M:%S.%f') AS "at") FROM "order; drop" WHERE isfinite("at") OR "at" IS NULL;
            CREATE VIEW days AS SELECT * REPLACE ("at"::DATE AS "at") FROM "order; drop";
            CREATE VIEW seconds AS SELECT * REPLACE (date_trunc('second', "at")::TIMESTAMP_S AS "at") FROM "order; drop";
            CREATE TABLE gone AS SELECT * FROM texts; CREATE VIEW other.lost AS SELECT * FROM gone; DROP TABLE gone;"""
        )
    return path


@pytest.mark.parametrize("table", ["order; drop", "main.order; drop", "texts", "days", "seconds"])
def test_rows_of_the_local_day(table: str, configured: Configured, database: Path) -> None:
    assert users(configured(table=table, **HERE), DAY) == ["2.0", "3.0"]


def test_instants_are_compared_as_such(configured: Configured, database: Path) -> None:
    assert users(configured(table="other.typed", **HERE), DAY) == ["1.0", "2.0"]


def test_rows_are_numbered_and_their_values_are_exact_texts(configured: Configured, database: Path) -> None:
    assert of_day(configured(table="order; drop", **HERE), DAY) == {
        "events: table main.order; drop": [
            (1, None, None, ("2.0", "2026-03-29 00:00:00", "view", "2.55", "[1, 2]")),
            (2, None, None, ("3.0", "2026-03-29 23:59:59.999999", "purchase", None, None)),
        ]
    }


def test_columns_carry_the_types_of_the_engine(configured: Configured, database: Path) -> None:
    config = configured(table="order; drop", **HERE)
    with open_source(config, config.root / "spill", DAY, DAY) as source:
        (delivery,) = source.deliveries(DAY)
    assert dict(delivery.rows.columns) == {
        "user id": "DOUBLE",
        "at": "TIMESTAMP",
        "kind": "VARCHAR",
        "price": "DECIMAL(9,2)",
        'a"b': "INTEGER[]",
    }


def test_a_day_without_rows_brings_nothing(configured: Configured, database: Path) -> None:
    assert of_day(configured(table="texts", **HERE), date(2026, 1, 1)) == {}


@pytest.mark.parametrize(("table", "lost"), [("order; drop", ["5.0", "6.0"]), ("other.typed", ["5.0", "6.0"]), ("texts", ["5.0"])])
def test_rows_without_a_time_belong_to_no_day(table: str, lost: list[str], configured: Configured, database: Path) -> None:
    config = configured(table=table, **HERE)
    with open_source(config, config.root / "spill", DAY, DAY) as source:
        (found,) = rows(source.undated()).values()
    assert [row[3][0] for row in found] == lost


def test_the_warehouse_is_the_default_place(configured: Configured, database: Path) -> None:
    config = configured(table="texts", columns=COLUMNS, warehouse={"url": "duckdb:///shop.duckdb"})
    assert users(config, DAY) == ["2.0", "3.0"]
    with duckdb.connect(str(database)) as connection:  # the file is free again
        connection.execute("CREATE TABLE mine (a INTEGER)")


def test_a_query_is_read_as_a_table(configured: Configured, database: Path) -> None:
    query = 'SELECT "user id" + 10 AS who, "at" AS "when; --", kind FROM "order; drop" ORDER BY 1 DESC -- newest user first\n;'
    columns = {"user_id": "who", "event_time": '"when; --"', "event_type": "kind"}
    assert of_day(configured(query=query, url="duckdb:///shop.duckdb", columns=columns), DAY) == {
        "events: query of stream events": [
            (1, None, None, ("13.0", "2026-03-29 23:59:59.999999", "purchase")),
            (2, None, None, ("12.0", "2026-03-29 00:00:00", "view")),
        ]
    }


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; SELECT 2",
        'DELETE FROM "order; drop" RETURNING *',
        "COPY texts TO 'texts.csv'",
        "SELECT * FROM texts WHERE kind = $first",
        "-- nothing",
        "SET threads = 1",
    ],
)
def test_a_query_is_one_select(query: str, configured: Configured, database: Path) -> None:
    with pytest.raises(ConfigError, match="not one SELECT without parameters"):
        of_day(configured(query=query, **HERE), DAY)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{there}')",
        "SELECT * FROM '{there}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT content FROM read_text('{there}')",
        "SELECT * FROM 's3://bucket/file.parquet'",
        "SELECT 1) AS a, (SELECT 2",
        "SELECT * FROM config",
        "SELECT * FROM nowhere",
    ],
)
def test_a_query_reaches_nothing_but_the_file(query: str, configured: Configured, database: Path, tmp_path: Path) -> None:
    there = tmp_path / "secret.csv"
    there.write_text("user id,at,kind\nsecret,2026-03-29,view\n")
    with pytest.raises(SourceError, match="query of stream events cannot be read") as wrong:
        of_day(configured(query=query.format(there=there, folder=tmp_path), **HERE), DAY)
    assert "secret,2026" not in str(wrong.value)


def test_a_column_that_is_there_twice_is_refused(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match="query of stream events has the column 'at' more than once"):
        of_day(configured(query='SELECT *, "at" FROM texts', **HERE), DAY)


def test_a_missing_table_is_named_with_those_there_are(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match=r"no table 'orders'; its tables: days, order; drop, seconds, texts, other\.lost, other\.typed"):
        of_day(configured(table="orders", **HERE), DAY)


def test_a_missing_column_is_named(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match=r"The table main\.texts has no column 'who' \(for user_id\)"):
        of_day(configured(table="texts", url="duckdb:///shop.duckdb", columns={**COLUMNS, "user_id": "who"}), DAY)


def test_a_view_that_cannot_be_read_is_one_error(configured: Configured, database: Path) -> None:
    with pytest.raises(SourceError, match=r"The table other\.lost cannot be read: .*gone"):
        of_day(configured(table="other.lost", **HERE), DAY)


def test_a_value_that_the_query_cannot_compute_is_one_error(configured: Configured, database: Path) -> None:
    query = 'SELECT "user id", "at", CAST(CAST(kind AS INTEGER) AS VARCHAR) AS kind FROM "order; drop"'
    with pytest.raises(SourceError, match="query of stream events cannot be read: Conversion Error"):
        of_day(configured(query=query, **HERE), DAY)


def test_a_missing_file_is_named(configured: Configured) -> None:
    with pytest.raises(SourceError, match=r"no DuckDB file .*shop\.duckdb"):
        of_day(configured(table="texts", **HERE), DAY)


def test_a_file_that_is_no_database_is_named(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "shop.duckdb").write_text("not a database at all, but long enough to be read as one" * 200)
    with pytest.raises(SourceError, match="is not a DuckDB database"):
        of_day(configured(table="texts", **HERE), DAY)


def test_a_file_that_another_process_writes_is_busy(configured: Configured, database: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(Busy, match="is being written"):
            of_day(configured(table="texts", **HERE), DAY)


def test_a_large_table_streams_through(tmp_path: Path) -> None:
    """Four million rows of 100 bytes: the process must not grow by them."""
    script = f"""
import resource, duckdb
from datetime import date
from pathlib import Path
from pipeline.config import Config
from pipeline.source.reading import open_source
root = Path({str(tmp_path)!r})
with duckdb.connect(str(root / "big.duckdb")) as connection:
    connection.execute("SET memory_limit = '200MB'; SET enable_progress_bar = false")
    connection.execute("CREATE TABLE big AS SELECT i AS u, TIMESTAMP '2026-01-05' + to_microseconds(i) AS t, repeat(md5(i::VARCHAR), 3) AS e FROM range(4000000) AS r(i)")
config = Config(root=root, source={{"table": "big", "url": "duckdb:///big.duckdb", "event_types": ["v"], "columns": {{"user_id": "u", "event_time": "t", "event_type": "e"}}}}, targets={{"t": {{"kind": "occurs", "horizon_days": 7}}}})
day, peak, found = date(2026, 1, 5), 0, 0
with open_source(config, root, day, day) as source:
    for delivery in source.deliveries(day):
        for number, chunk in enumerate(delivery.rows.chunks):
            found += chunk.num_rows
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            first = peak if number == 1 else first if number else 0
print(found, (peak - first) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    found, grown = map(int, done.stdout.split())
    assert found == 4_000_000
    assert grown < 350  # 256 MB are DuckDB's own; the rows as text take more than 500
