"""A worker or the whole run killed while it scores: the same table as undisturbed, or none, and a rerun ends in the same (F1, F7)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.stages import score
from tests.faults.dying_bucket import killed_once_in_bucket_1
from tests.faults.scoring_night import TARGET, ready, score_by_command, scores
from tests.synthetic_lake import AS_OF


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, pa.Table]:
    """A scored folder and its rows; copied, never changed."""
    config = ready(tmp_path_factory.mktemp("undisturbed"), workers=2)
    done = score_by_command(config)
    assert done.returncode == 0, done.stderr
    return config, scores(config)


@pytest.fixture
def unscored(undisturbed: tuple[Config, pa.Table], tmp_path: Path) -> Config:
    """The same folder before it was scored."""
    root = tmp_path / "night"
    shutil.copytree(undisturbed[0].root, root)
    shutil.rmtree(root / "lake" / "scores")
    return load(root / "nightcast.toml")


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
    assert score_by_command(unscored, die_at_step=step).returncode == -9
    assert Lake(unscored.lake_url).version("scores") is None
    score.run(unscored, AS_OF, targets=[unscored.target(TARGET)], show=False)
    assert scores(unscored).equals(undisturbed[1])


def test_a_rerun_killed_half_way_leaves_the_earlier_scores(undisturbed: tuple[Config, pa.Table], tmp_path: Path) -> None:
    root = tmp_path / "night"
    shutil.copytree(undisturbed[0].root, root)
    config = load(root / "nightcast.toml")
    assert score_by_command(config, die_at_step="pipeline.lake:Lake.commit:before").returncode == -9
    assert Lake(config.lake_url).version("scores") == 0
    assert scores(config).equals(undisturbed[1])
