"""Workers that die: the job ends with the same table, or with an error that names the bucket, never with a hang."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from pipeline import cluster as cluster_module
from pipeline.cluster import cluster
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import RETRYABLE_EXIT_CODES, WorkersLost
from pipeline.lake import Lake
from pipeline.stages import build_features
from tests.faults.worker_jobs import FATAL_BUCKET, build_slowly, die_always, die_of_13, double
from tests.features.literal import CUTOFF
from tests.pipeline.ingested import configuration, ingest, shop

SET = configured_features(configuration(Path()))


def files(config: Config) -> dict[str, list[str]]:
    """Digests of the committed files of features and labels, by partition."""
    found: dict[str, list[str]] = {}
    lake = Lake(config.lake_url)
    for table in (SET.table, "labels"):
        for path in map(Path, lake.files(table, version=lake.version(table) or 0)):
            found.setdefault(str(path.parent.relative_to(lake.url)), []).append(hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def kill_half_way(config: Config, times: int, killed: list[int]) -> None:
    """SIGKILL so many workers, each in the middle of a bucket, with half a file on the disk."""
    folder, deadline = config.root / "half-way", time.monotonic() + 90
    while len(killed) < times and time.monotonic() < deadline:
        for path in folder.glob("*"):
            worker = int(path.name.partition("-")[2])
            if worker not in killed and len(killed) < times:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
        time.sleep(0.05)


def live_workers() -> Iterator[psutil.Process]:
    """Workers below this process that still run; one that ended while we look, reaped or not, does not."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                yield child


def test_two_workers_killed_in_mid_bucket_leave_the_identical_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm, shaken = configuration(tmp_path / "calm"), configuration(tmp_path / "shaken")
    for config in (calm, shaken):
        ingest(config, shop(users=40))
    monkeypatch.setattr(build_features, "build_bucket", build_slowly)
    expected = build_features.run(calm, [CUTOFF], training=True, show=False)
    killed: list[int] = []
    killer = threading.Thread(target=kill_half_way, args=(shaken, 2, killed))
    killer.start()
    assert build_features.run(shaken, [CUTOFF], training=True, show=False) == expected
    killer.join()
    assert len(set(killed)) == 2
    assert files(shaken) == files(calm)
    written = len(list(Path(shaken.lake_url).rglob("*=*/*.parquet"))) - len(list(Path(calm.lake_url).rglob("*=*/*.parquet")))
    assert written >= 2, "no killed worker had begun a file"


def test_a_poison_bucket_is_named_in_bounded_time_and_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(tmp_path)
    lake = ingest(config, shop())
    for _ in range(2):
        began = time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(build_features, "build_bucket", die_always)
            with pytest.raises(WorkersLost, match=rf"feature bucket {FATAL_BUCKET}: KilledWorker(.|\n)*dask.memory_limit") as caught:
                build_features.run(config, [CUTOFF], training=True, show=False)
        assert time.monotonic() - began < 120
        assert caught.value.exit_code in RETRYABLE_EXIT_CODES
        assert lake.version(SET.table) is lake.version("labels") is None
        assert not list(live_workers())
    assert build_features.run(config, [CUTOFF], training=True, show=False)["rows"] == 72


def test_a_poison_task_is_named_twice_by_the_same_workers_which_then_still_work(tmp_path: Path) -> None:
    with cluster(configuration(tmp_path)) as workers:
        for _ in range(2):
            with pytest.raises(WorkersLost, match="number 13: KilledWorker"):
                workers.map(die_of_13, [11, 12, 13, 14, 15], label="number", show=False)
        assert workers.map(double, [1, 2, 3], label="number", show=False) == [2, 4, 6]


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


@contextmanager
def elsewhere() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A scheduler with one worker in processes of their own: its address, and the scheduler's process."""
    serve = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    with process(*serve) as scheduler:
        place = address(scheduler)
        work = ("distributed.cli.dask_worker", place, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60")
        with process(*work) as worker:
            assert worker.stderr is not None
            threading.Thread(target=worker.stderr.read, daemon=True).start()
            yield place, scheduler


def test_a_scheduler_killed_in_mid_job_is_an_error_and_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CLOSE_SECONDS", 5)
    monkeypatch.setattr(build_features, "build_bucket", build_slowly)
    local, calm = configuration(tmp_path / "lost"), configuration(tmp_path / "calm")
    for config in (local, calm):
        lake = ingest(config, shop(users=40))
    expected = build_features.run(calm, [CUTOFF], training=True, show=False)
    lake = Lake(local.lake_url)
    with elsewhere() as (place, scheduler):
        remote = configuration(local.root, dask={"scheduler": place, "timeout_minutes": 1})
        killer = threading.Thread(target=kill_when_half_way, args=(local, scheduler))
        killer.start()
        with pytest.raises(WorkersLost, match=r"scheduler|No answer") as caught:
            build_features.run(remote, [CUTOFF], training=True, show=False)
        killer.join()
    assert caught.value.exit_code == 32
    assert caught.value.mend
    assert lake.version(SET.table) is lake.version("labels") is None
    assert build_features.run(local, [CUTOFF], training=True, show=False) == expected
    assert files(local) == files(calm)


def kill_when_half_way(config: Config, scheduler: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not list((config.root / "half-way").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    scheduler.send_signal(signal.SIGKILL)
