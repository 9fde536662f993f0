"""A worker or the whole run killed while it scores: the same table as undisturbed, or none, and a rerun ends in the same (F1, F7)."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.process_tree import tree
from pipeline.stages import score
from tests.faults.dying_bucket import killed_once_in_bucket_1
from tests.faults.laid_night import scored_here
from tests.faults.scoring_night import TARGET, scores
from tests.faults.warm import Running, begin
from tests.synthetic_lake import AS_OF


@pytest.fixture(scope="module")
def undisturbed(trained_night: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, pa.Table]:
    """A folder that was scored without any worker, and its rows; copied, never changed."""
    root = tmp_path_factory.mktemp("undisturbed") / "night"
    shutil.copytree(trained_night.root, root)
    config = load(root / "nightcast.toml")
    scored_here(config)
    return config, scores(config)


@pytest.fixture
def unscored(undisturbed: tuple[Config, pa.Table], tmp_path: Path) -> Config:
    """The same folder before it was scored."""
    root = tmp_path / "night"
    shutil.copytree(undisturbed[0].root, root)
    shutil.rmtree(root / "lake" / "scores")
    return load(root / "nightcast.toml")


def begun(config: Config, *, die_at: str = "") -> Running:
    """`nightcast score` with workers of its own, killed at the step if one is named."""
    words = ["score", "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json"]
    return begin(words, config.root / "score", die_at=die_at)


def test_a_worker_killed_in_the_middle_costs_nothing_but_time(
    unscored: Config, undisturbed: tuple[Config, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "score_bucket", killed_once_in_bucket_1)
    result = score.run(unscored, AS_OF, targets=[unscored.target(TARGET)], show=False)
    assert (unscored.root / "lake" / "killed").exists()
    assert (result["rows"], result["refused"]) == (240, 0)
    assert scores(unscored).equals(undisturbed[1])


@pytest.mark.parametrize("step", ["pipeline.stages.score:borrow:after", "pipeline.lake:Lake.commit:before"])
def test_a_run_killed_before_its_commit_leaves_no_scores_and_a_rerun_all_of_them(
    unscored: Config, undisturbed: tuple[Config, pa.Table], step: str
) -> None:
    assert begun(unscored, die_at=step).ended().code == -9
    assert Lake(unscored.lake_url).version("scores") is None
    scored_here(unscored)
    assert scores(unscored).equals(undisturbed[1])


def test_a_rerun_killed_half_way_leaves_the_earlier_scores(undisturbed: tuple[Config, pa.Table], tmp_path: Path) -> None:
    root = tmp_path / "night"
    shutil.copytree(undisturbed[0].root, root)
    config = load(root / "nightcast.toml")
    assert begun(config, die_at="pipeline.lake:Lake.commit:before").ended().code == -9
    assert Lake(config.lake_url).version("scores") == 0
    assert scores(config).equals(undisturbed[1])


def test_the_workers_of_a_run_that_was_killed_end_by_themselves(unscored: Config) -> None:
    """Nobody else would end them; their memory is missed in the rerun (F8)."""
    running = begun(unscored)
    workers: list[psutil.Process] = []
    while running.process.is_alive() and len(workers) < 2:
        workers = [each for each in tree(running.pid) if "spawn_main" in " ".join(each.cmdline())]
        time.sleep(0.05)
    running.kill()
    assert running.ended().code == -9
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert Lake(unscored.lake_url).version("scores") is None
