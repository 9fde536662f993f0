"""A worker, and then the run itself, killed at any moment of `nightcast score`: the same night in the end, in the lake and wherever it is
published (F1, F3, F7)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dask
import pyarrow as pa
import pytest
from distributed import LocalCluster

from pipeline.cluster import SETTINGS
from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.stages import publish
from pipeline.warehouse import open_warehouse
from tests.faults.scoring_night import PARTITION, TARGET
from tests.faults.warm import Ended, Running, begin
from tests.synthetic_lake import AS_OF, write_toml
from tests.synthetic_lake import SETTINGS as SHOP
from tests.warehouse.engines import ENGINES

KILLS, SHORT = 50, 1
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, spread evenly however many are taken."""
TURNS = [pytest.param(turn, marks=[pytest.mark.slow] if turn >= SHORT else []) for turn in range(KILLS)]
LOST = 32


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalCluster]:
    """Workers that outlive the runs that use them, so that a kill meets scoring and not the start of a worker."""
    with (
        dask.config.set(SETTINGS),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
    ):
        yield cluster


@dataclass
class Night:
    """A folder to be scored, and how long that took last: before the first bucket, and from then on."""

    root: Path
    before: float = 0.0
    working: float = 0.0

    @property
    def config(self) -> Config:
        return load(self.root / "nightcast.toml")

    def begin(self) -> Running:
        words = ["score", "--cutoff", str(AS_OF), "--config", str(self.root / "nightcast.toml"), "--json"]
        return begin(words, self.root / f"score-{uuid.uuid4().hex[:8]}")

    def score(self, workers: LocalCluster) -> None:
        """Undisturbed."""
        began = time.monotonic()
        running = self.begin()
        wait_for_work(running, workers)
        first = time.monotonic()
        ended = running.ended()
        assert ended.code == 0, ended.said
        self.before, self.working = first - began, time.monotonic() - first

    def rows(self) -> pa.Table:
        """The committed scores in the order of their users, without what differs between runs."""
        return Lake(self.config.lake_url).read("scores", PARTITION).drop_columns(["run_id", "scored_at"]).sort_by("user_id")

    def run_id(self) -> str:
        """Of the run whose scores are in the lake, which must be all of one run; empty without any."""
        lake = Lake(self.config.lake_url)
        if lake.version("scores") is None:
            return ""
        (found,) = set(lake.read("scores", PARTITION)["run_id"].to_pylist())
        assert lake.metadata("scores", PARTITION)["run_id"] == found
        return str(found)


def wait_for_work(running: Running, workers: LocalCluster) -> None:
    """Until a worker has something to do, or the run is over."""
    while running.process.is_alive() and not any(worker.processing for worker in workers.scheduler.workers.values()):
        time.sleep(0.002)


@pytest.fixture(scope="module")
def night(trained_night: Config, workers: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Night:
    root = tmp_path_factory.mktemp("night") / "night"
    shutil.copytree(trained_night.root, root)
    write_toml(root, targets={TARGET: SHOP["targets"][TARGET]}, dask={"scheduler": workers.scheduler_address, "timeout_minutes": 5})
    return Night(root)


@pytest.fixture(scope="module")
def undisturbed(night: Night, workers: LocalCluster) -> pa.Table:
    """What is scored when nothing goes wrong. The second run is timed: in the first the workers import their libraries."""
    night.score(workers)
    first = night.rows()
    night.score(workers)
    assert night.rows().equals(first)
    return first


def worker_killed(night: Night, workers: LocalCluster, turn: int) -> Ended:
    """The run, one of whose workers is killed while it works."""
    running = night.begin()
    wait_for_work(running, workers)
    time.sleep(GOLDEN * (turn + 1) % 1.0 * night.working)
    alive = [nanny.pid for nanny in workers.workers.values() if nanny.pid]
    os.kill(alive[turn % len(alive)], signal.SIGKILL)
    return running.ended()


def run_killed(night: Night, workers: LocalCluster, turn: int) -> Ended:
    """The run, killed: every third time anywhere, else while its workers work."""
    running, part = night.begin(), GOLDEN * (turn + 1) % 1.0
    if turn % 3:
        wait_for_work(running, workers)
        time.sleep(part * night.working)
    else:
        time.sleep(part * (night.before + night.working))
    running.kill()
    return running.ended()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("turn", TURNS)
def test_a_worker_and_then_the_run_killed_at_random_moments(
    night: Night, undisturbed: pa.Table, workers: LocalCluster, new_config: Callable[[str], Config], engine: str, turn: int
) -> None:
    before = night.run_id()
    ended = worker_killed(night, workers, turn)
    assert ended.code in {0, LOST}, ended.said
    if ended.code == 0:
        told = json.loads(ended.out)
        assert (told["rows"], told["refused"], told["run_id"]) == (len(undisturbed), 0, night.run_id())
        assert night.run_id() != before
    assert night.rows().equals(undisturbed)

    before = night.run_id()
    stopped = run_killed(night, workers, turn)
    assert stopped.code in {-9, 0}, stopped.said
    named = "old" if night.run_id() == before else "new"
    print(f"turn {turn}: worker killed, code {ended.code}; run killed, code {stopped.code}, the {named} night")  # noqa: T201 – to count
    assert night.rows().equals(undisturbed)

    night.score(workers)
    assert night.rows().equals(undisturbed)
    publish_into(new_config(engine), night, users=len(undisturbed))


def publish_into(warehouse: Config, night: Night, *, users: int) -> None:
    """Publish the night: eligible = scored + refused, every user is there once, and all are of the run in the lake."""
    config = night.config.model_copy(update={"warehouse": warehouse.warehouse})
    publish.run(config, AS_OF, targets=[config.target(TARGET)], show=False)
    with open_warehouse(config) as opened:
        (run,) = opened.query("SELECT eligible, scored, refused, run_id FROM score_runs").to_pylist()
        (found,) = opened.query("SELECT count(DISTINCT user_id) AS n, min(run_id) AS low, max(run_id) AS high FROM user_scores").to_pylist()
    assert run == {"eligible": users, "scored": users, "refused": 0, "run_id": night.run_id()}
    assert found == {"n": users, "low": night.run_id(), "high": night.run_id()}


def test_no_table_is_left_behind(night: Night, trained_night: Config) -> None:
    """After all of it the lake has the scores, and where they are put together, beside what was there before."""
    before = {path.name for path in Path(trained_night.lake_url).iterdir()}
    assert {path.name for path in Path(night.config.lake_url).iterdir()} - before <= {"scores", "scores_unranked"}
