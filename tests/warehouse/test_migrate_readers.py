"""A warehouse is upgraded while people read it, and by several at once: nobody sees half of it, nobody is turned away."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from pipeline.config import Config
from pipeline.errors import Busy
from pipeline.warehouse import migrate, migrations, open_warehouse
from pipeline.warehouse.duckdb_file import read_copy
from pipeline.warehouse.sql import SqlWarehouse
from tests.warehouse import older
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, scores

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
SELECT (SELECT count(*) FROM user_scores), (SELECT count(*) FROM user_scores_latest), (SELECT sum(users) FROM score_deciles),
       (SELECT count(*) FROM refused_users)
"""
CONFIG = """
[warehouse]
url = "{url}"
[source]
files = "events/{{date}}.csv"
event_types = ["purchase"]
columns = {{ user_id = "u", event_time = "t", event_type = "e" }}
[targets.purchase_7d]
kind = "occurs"
event_type = "purchase"
horizon_days = 7
"""


def of_version(config: Config, monkeypatch: pytest.MonkeyPatch, version: int, users: int = 3_000) -> None:
    """Two nights in a warehouse of that version."""
    with monkeypatch.context() as patched:
        older.program_of(version, patched)
        with open_warehouse(config) as warehouse:
            assert isinstance(warehouse, SqlWarehouse)
            older.put(warehouse, scores(users, 30), TARGET, CUTOFF)
            older.put(warehouse, scores(users, 30, seed=2), TARGET, NEXT)


class Readers:
    """Three connections that look again and again until they are told to stop; what they saw, and what turned them away."""

    def __init__(self, url: str) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.failed: list[psycopg.Error] = []
        self._url, self._done = url, threading.Event()
        self._threads = [threading.Thread(target=self._look) for _ in range(3)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._done.is_set():
                try:
                    self.seen += connection.execute(LOOK).fetchall()
                except psycopg.Error as error:
                    self.failed.append(error)


@pytest.mark.parametrize("version", [1, migrations.newest() - 1])
def test_readers_see_every_row_all_the_time(new_config: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    config = new_config("postgresql")
    of_version(config, monkeypatch, version)
    with Readers(config.warehouse.url) as readers:
        while len(readers.seen) < 5 and not readers.failed:
            threading.Event().wait(0.01)
        assert migrate(config).found == version
        after = len(readers.seen)
        while len(readers.seen) < after + 5 and not readers.failed:
            threading.Event().wait(0.01)
    assert readers.failed == []
    assert set(readers.seen) == {(6_000, 3_000, 6_000, 60)}


def test_one_who_reads_for_long_is_waited_for_and_keeps_nobody_else_waiting(
    new_config: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, version = new_config("postgresql"), migrations.newest() - 1
    of_version(config, monkeypatch, version, users=100)
    with psycopg.connect(config.warehouse.url) as slow:
        slow.execute(LOOK)
        with Readers(f"{config.warehouse.url}%20-clock_timeout%3D900") as readers, pytest.raises(Busy, match="lock timeout"):
            migrate(config, patience=1.5)
        assert readers.failed == []
        assert set(readers.seen) == {(200, 100, 200, 60)}
    assert migrate(config).found == version
    assert migrate(config).found == migrations.newest()


def test_two_upgrades_at_once_are_one(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    version = migrations.newest() - 1
    of_version(config, monkeypatch, version, users=100)
    (config.root / "nightcast.toml").write_text(CONFIG.format(url=config.warehouse.url), encoding="utf-8")
    line = [sys.executable, "-m", "pipeline", "migrate", "--config", str(config.root / "nightcast.toml"), "--json"]
    both = [subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sorted(json.loads(out)["before"] for out, _ in told) == [version, migrations.newest()]
    with open_warehouse(config) as warehouse:
        versions = warehouse.query("SELECT version FROM schema_version ORDER BY version")["version"].to_pylist()
        assert warehouse.query("SELECT count(*) AS n FROM user_scores")["n"].to_pylist() == [200]
    assert versions == [version, migrations.newest()]


def test_the_readers_copy_of_duckdb_is_upgraded_too(new_config: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch) -> None:
    config = new_config("duckdb")
    of_version(config, monkeypatch, 1, users=100)
    copy = read_copy(config.path("night.duckdb"))
    migrate(config)
    assert not copy.exists(), "a copy before there was one"
    config.path("night.duckdb").unlink()
    of_version(config, monkeypatch, 1, users=100)
    copy.write_bytes(config.path("night.duckdb").read_bytes())
    migrate(config)
    with duckdb.connect(copy, read_only=True) as reader:
        assert reader.execute("SELECT max(version) FROM schema_version").fetchall() == [(migrations.newest(),)]
        assert reader.execute(LOOK).fetchall() == [(200, 100, 200, 60)]
