"""Whoever looks while nights are published sees the old night or the new one, never an empty or a mixed one (F15)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import duckdb
import psycopg

from pipeline.config import Config
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.duckdb_file import read_copy
from tests.faults.publisher import NEW, OLD, ended, publish, started
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores

LOOK = """
SELECT (SELECT count(*) FROM user_scores_latest), (SELECT count(DISTINCT run_id) FROM user_scores), (SELECT scored FROM score_runs),
       (SELECT count(*) FROM refused_users)
"""
WHOLE = {(users, 1, users, users // 100) for users in (OLD, NEW)}
RUNS = {f"run-{n}": NEW if n % 2 else OLD for n in range(1, 9)}


def test_readers_of_postgresql(new_config: Callable[[str], Config]) -> None:
    config = new_config("postgresql")
    publish(config, OLD, "run-0")
    seen, writer = [], started(config, RUNS)
    with psycopg.connect(config.warehouse.url, autocommit=True) as reader:
        while writer.poll() is None:
            seen += reader.execute(LOOK).fetchall()
    assert ended(writer) == 0
    assert set(seen) == WHOLE


def test_readers_of_the_duckdb_copy_while_another_process_publishes(new_config: Callable[[str], Config]) -> None:
    config = new_config("duckdb")
    publish(config, OLD, "run-0")
    seen, writer = [], started(config, RUNS)
    while writer.poll() is None:
        with duckdb.connect(read_copy(config.path("night.duckdb")), read_only=True) as reader:
            seen += reader.execute(LOOK).fetchall()
    assert ended(writer) == 0
    assert set(seen) == WHOLE


def test_readers_in_the_publishing_process(new_config: Callable[[str], Config]) -> None:
    config = new_config("duckdb")
    publish(config, OLD, "run-0")
    seen: list[tuple[int, ...]] = []
    done = threading.Event()

    def look(reader: duckdb.DuckDBPyConnection) -> None:
        while not done.is_set():
            seen.extend(reader.execute(LOOK).fetchall())
        reader.close()

    with open_warehouse(config) as warehouse:
        thread = threading.Thread(target=look, args=(warehouse._connection.cursor(),))  # type: ignore[attr-defined]
        thread.start()
        for run_id, users in RUNS.items():
            rows = scores(users, users // 100, run_id=run_id)
            warehouse.publish(rows, TARGET, CUTOFF, run_of(rows, run_id=run_id))
        done.set()
        thread.join()
    assert set(seen) == WHOLE
