"""Workers that die: the job ends with the same table, or with an error that names the bucket, never with a hang."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pipeline import cluster as cluster_module
from pipeline.cluster import cluster
from pipeline.configured_features import configured_features
from pipeline.errors import RETRYABLE_EXIT_CODES, WorkersLost
from pipeline.lake import Lake
from pipeline.stages import build_features
from tests.faults.worker_jobs import FATAL_BUCKET, die_always, die_once, double, sleep
from tests.features.literal import CUTOFF
from tests.pipeline.ingested import configuration, ingest, shop

SET = configured_features(configuration(Path()))


def rows(lake: Lake, table: str) -> list[tuple[object, ...]]:
    return sorted(tuple(map(repr, row.values())) for row in lake.read(table).to_pylist())


def test_a_worker_killed_in_mid_job_leaves_the_identical_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm, shaken = configuration(tmp_path / "calm"), configuration(tmp_path / "shaken")
    for config in (calm, shaken):
        ingest(config, shop())
    expected = build_features.run(calm, [CUTOFF], training=True, show=False)
    monkeypatch.setattr(build_features, "build_bucket", die_once)
    assert build_features.run(shaken, [CUTOFF], training=True, show=False) == expected
    assert (Path(shaken.lake_url) / "died").exists()
    for table in (SET.table, "labels"):
        assert rows(Lake(shaken.lake_url), table) == rows(Lake(calm.lake_url), table)


def test_a_poison_bucket_is_named_in_bounded_time_and_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(tmp_path)
    lake = ingest(config, shop())
    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(build_features, "build_bucket", die_always)
        with pytest.raises(WorkersLost, match=rf"feature bucket {FATAL_BUCKET}: KilledWorker") as caught:
            build_features.run(config, [CUTOFF], training=True, show=False)
    assert time.monotonic() - began < 120
    assert caught.value.exit_code in RETRYABLE_EXIT_CODES
    assert lake.version(SET.table) is lake.version("labels") is None
    assert not [child for child in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
    assert build_features.run(config, [CUTOFF], training=True, show=False)["rows"] == 72


@contextmanager
def process(*argv: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-m", *argv], stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def address(scheduler: subprocess.Popen[str]) -> str:
    assert scheduler.stderr is not None
    for line in scheduler.stderr:
        if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
            threading.Thread(target=scheduler.stderr.read, daemon=True).start()
            return found[1]
    raise AssertionError("The scheduler ended before it said where it is")


def test_a_scheduler_killed_in_mid_job_is_an_error_and_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CLOSE_SECONDS", 5)
    serve = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    with process(*serve) as scheduler:
        place = address(scheduler)
        work = ("distributed.cli.dask_worker", place, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60")
        with process(*work) as worker:
            assert worker.stderr is not None
            threading.Thread(target=worker.stderr.read, daemon=True).start()
            config = configuration(tmp_path, dask={"scheduler": place, "timeout_minutes": 1})
            with cluster(config) as workers:
                assert workers.map(double, [1, 2], label="number", show=False) == [2, 4]
                threading.Timer(1.0, scheduler.send_signal, [signal.SIGKILL]).start()
                with pytest.raises(WorkersLost):
                    workers.map(sleep, [300], label="nap", show=False)
