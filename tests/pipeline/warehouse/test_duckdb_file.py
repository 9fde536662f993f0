from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from pipeline.errors import Busy, Unreachable
from pipeline.warehouse.duckdb_file import connect, create, read_copy, refresh_read_copy


def test_a_new_file_has_a_format_that_older_readers_open(tmp_path: Path) -> None:
    path = tmp_path / "it's.duckdb"
    create(path)
    with connect(path, 0, read_only=False) as connection:
        (tags,) = connection.execute("SELECT tags FROM duckdb_databases() WHERE path IS NOT NULL").fetchall()[0]
    assert tags["storage_version"].startswith("v1.2.0")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "night.duckdb"
    create(path)
    with connect(path, 0, read_only=False) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS x")
    create(path)
    with connect(path, 0, read_only=True) as connection:
        assert connection.execute("FROM t").fetchall() == [(7,)]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    create(tmp_path / "a" / "b" / "night.duckdb")
    assert (tmp_path / "a" / "b" / "night.duckdb").is_file()


def test_a_path_that_cannot_be_made_is_unreachable_and_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Unreachable, match=r"duckdb:///.*/file/night\.duckdb"):
        create(tmp_path / "file" / "night.duckdb")


@pytest.mark.parametrize("content", [b"user_id,score\n" * 1000, b"\0" * 12288])
def test_a_file_that_is_not_a_warehouse_is_unreachable_and_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "night.duckdb"
    path.write_bytes(content)
    with pytest.raises(Unreachable, match=r"night\.duckdb cannot be opened"):
        connect(path, 0, read_only=False)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "FROM path",
    ],
)
def test_no_statement_reaches_beyond_the_file(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "night.duckdb"
    create(path)
    with connect(path, 0, read_only=False) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_the_copy_replaces_the_one_before_and_its_readers_keep_theirs(tmp_path: Path) -> None:
    path = tmp_path / "night.duckdb"
    assert read_copy(path) == tmp_path / "night_read.duckdb"
    create(path)
    for version in (1, 2):
        with connect(path, 0, read_only=False) as connection:
            connection.execute(f"CREATE OR REPLACE TABLE t AS SELECT {version} AS x")
        refresh_read_copy(path, 0)
        if version == 1:
            reader = duckdb.connect(read_copy(path), read_only=True)
    assert reader.execute("FROM t").fetchall() == [(1,)]
    reader.close()
    with duckdb.connect(read_copy(path), read_only=True) as reader:
        assert reader.execute("FROM t").fetchall() == [(2,)]


def test_what_dead_processes_left_unfinished_is_removed_and_living_ones_keep_theirs(tmp_path: Path) -> None:
    path = tmp_path / "night.duckdb"
    create(path)
    dead, living, other = (tmp_path / f".night_read.duckdb.{suffix}" for suffix in (2**22 + 1, os.getppid(), "bak"))
    for left in (dead, living, other):
        left.write_bytes(b"half")
    refresh_read_copy(path, 0)
    assert not dead.exists()
    assert living.exists()
    assert other.exists()


def test_no_copy_is_made_while_this_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "night.duckdb"
    create(path)
    with connect(path, 0, read_only=False), pytest.raises(Busy, match=rf"open in this process \({os.getpid()}\)"):
        refresh_read_copy(path, 0)
    assert not read_copy(path).exists()
