"""A query in the configuration reads the source's own database and nothing else (F32)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.faults.raw_shop import COLUMNS, FIRST, Shop, made

PASSWD = Path("/etc/passwd")
HOSTILE = [
    "SELECT content AS id, 'u' AS user, TIMESTAMP '2026-01-05 10:00:00' AS time, 'view' AS type, 1 AS value FROM read_text('/etc/passwd')",
    "SELECT column0 AS id, 'u' AS user, TIMESTAMP '2026-01-05 10:00:00' AS time, 'view' AS type, 1 AS value"
    " FROM read_csv('/etc/passwd', header=false, delim='|', columns={'column0': 'VARCHAR'})",
    "FROM '/etc/passwd'",
    "SELECT *, getenv('HOME') AS home FROM raw_events",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM raw_events; DROP TABLE raw_events",
    "SELECT * FROM raw_events; SET enable_external_access = true; SELECT * FROM read_text('/etc/passwd')",
    "DROP TABLE raw_events",
    "DELETE FROM raw_events RETURNING *",
    "COPY raw_events TO '{folder}/stolen.csv'",
    "ATTACH '{folder}/other.duckdb' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SELECT * FROM duckdb_secrets()) UNION ALL (SELECT 1",
    "SELECT * FROM raw_events --",
]
REFUSED = {10, 11}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raw") / "raw.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE raw_events AS SELECT 'e' || n AS id, 'u' || n % 7 AS user, "
            f"TIMESTAMP '{FIRST} 10:00:00' + n * INTERVAL 1 SECOND AS time, 'view' AS type, 1.5 AS value FROM range(100) AS t(n)"
        )
    return path


def asking(folder: Path, database: Path, query: str) -> Shop:
    source = {"query": query.replace("{folder}", str(folder)), "url": f"duckdb:///{database}"}
    return made(folder / "shop", source=source, columns=COLUMNS)


def test_an_honest_query_is_answered(tmp_path: Path, database: Path) -> None:
    shop = asking(tmp_path, database, "SELECT *, user || '-' || id AS both FROM raw_events WHERE user <> 'u3'")
    shop.ingest()
    assert shop.tally() == (86, 86, 0, 0, 0, True)


@pytest.mark.parametrize("query", HOSTILE)
def test_a_query_that_reaches_for_more_is_refused(tmp_path: Path, database: Path, query: str) -> None:
    """One clear error, or the rows of the source itself: never a file of the machine, never a change."""
    before = database.read_bytes()
    shop = asking(tmp_path, database, query)
    done = shop.begin("ingest", "--date", str(FIRST)).ended()
    secret = PASSWD.read_text().splitlines()[0]
    assert secret not in done.said + done.out
    if query.endswith("--"):
        assert done.code in {*REFUSED, 0}
    else:
        assert done.code in REFUSED, done.said
        assert done.said.count("error: ") == 1
        assert shop.taken().events == {}
    assert database.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop"]
    assert not any(secret.encode() in path.read_bytes() for path in shop.folder.rglob("*") if path.is_file())
