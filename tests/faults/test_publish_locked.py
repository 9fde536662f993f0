"""Somebody else holds the warehouse: a bounded wait, then an error that names the holder (F9)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipeline.config import Config
from pipeline.errors import Busy
from pipeline.warehouse import open_warehouse
from tests.faults.publisher import NEW, OLD, night, publish, whole
from tests.warehouse.nights import CUTOFF, TARGET

HOLD = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'read'); print('held', flush=True); time.sleep(float(sys.argv[3]))"


@contextmanager
def held(config: Config, mode: str, seconds: float) -> Iterator[int]:
    """Another process has the DuckDB file open, as a BI tool would; its process id."""
    words = [sys.executable, "-c", HOLD, str(config.path("night.duckdb")), mode, str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_file_held_by_another_process_is_busy_and_names_it(new_config: Callable[[str], Config], mode: str) -> None:
    config = new_config("duckdb")
    publish(config, OLD, "run-1")
    with held(config, mode, 60) as pid:
        began = time.monotonic()
        with pytest.raises(Busy, match=rf"process {pid}[\s\S]*night_read\.duckdb"):
            publish(config, NEW, "run-2", patience=0.5)
        assert 0.4 < time.monotonic() - began < 10
    assert night(config) == whole(OLD, "run-1")
    publish(config, NEW, "run-2")
    assert night(config) == whole(NEW, "run-2")


def test_a_file_that_is_let_go_in_time_is_waited_for(new_config: Callable[[str], Config]) -> None:
    config = new_config("duckdb")
    publish(config, OLD, "run-1")
    with held(config, "read", 0.7):
        publish(config, NEW, "run-2", patience=30)
    assert night(config) == whole(NEW, "run-2")


def test_a_night_that_another_session_publishes_is_busy_and_names_it(new_config: Callable[[str], Config]) -> None:
    config = new_config("postgresql")
    publish(config, OLD, "run-1")
    with open_warehouse(config) as holder:
        pid = holder.query("SELECT pg_backend_pid() AS pid")["pid"][0].as_py()
        holder.begin(f"publish {TARGET} {CUTOFF}")  # type: ignore[attr-defined]
        with pytest.raises(Busy, match=rf"held by server process {pid} \(nightcast\) for more than 0\.3 s"):
            publish(config, NEW, "run-2", patience=0.3)
        holder.rollback()  # type: ignore[attr-defined]
    assert night(config) == whole(OLD, "run-1")


def test_a_table_that_another_session_locks_is_busy(new_config: Callable[[str], Config]) -> None:
    config = new_config("postgresql")
    publish(config, OLD, "run-1")
    with open_warehouse(config) as holder:
        holder.begin("maintenance")  # type: ignore[attr-defined]
        holder.execute("LOCK TABLE user_scores IN ACCESS EXCLUSIVE MODE")  # type: ignore[attr-defined]
        with pytest.raises(Busy, match="lock timeout"):
            publish(config, NEW, "run-2", patience=0.3)
        holder.rollback()  # type: ignore[attr-defined]
    assert night(config) == whole(OLD, "run-1")
