from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.errors import Busy, SourceError
from pipeline.source.session import open_session


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "SET enable_external_access = true",
        "SET threads = 1",
        "INSTALL httpfs",
    ],
)
def test_nothing_outside_can_be_reached(sql: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with open_session(tmp_path / "spill", "UTC") as session, pytest.raises(duckdb.Error):
        session.execute(sql.format(folder=outside))
    assert list(outside.iterdir()) == []


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no DuckDB file .*raw\.duckdb"), open_session(tmp_path, "UTC", database=tmp_path / "raw.duckdb"):
        pass


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw.duckdb").write_text("not a database at all, but long enough to be read as one" * 200)
    with pytest.raises(SourceError, match="is not a DuckDB database"), open_session(tmp_path, "UTC", database=tmp_path / "raw.duckdb"):
        pass


def test_a_database_that_another_process_writes_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "raw.duckdb"
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('create table t (a int)'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(Busy, match="is being written"), open_session(tmp_path, "UTC", database=path):
            pass


def test_the_database_cannot_be_written(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "raw.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    with open_session(tmp_path, "UTC", database=tmp_path / "raw.duckdb") as session, pytest.raises(duckdb.Error, match="read-only"):
        session.execute("INSERT INTO source.t VALUES (2)")


def test_functions_know_null(tmp_path: Path) -> None:
    with open_session(tmp_path, "Europe/Berlin") as session:
        found = session.execute(
            "SELECT to_utc(x), ten_thousandths(y, '2') FROM (VALUES (0::BIGINT, '1.5'), (NULL, NULL)) t(x, y)"
        ).fetchall()
    assert found == [(-3_600_000_000, 30_000), (None, None)]
