"""A training killed half-way: no version of it is registered, nothing refers to it, and a rerun ends as if nothing had happened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.config import Config, load
from pipeline.stages import train_gbdt
from pipeline.tracking import registry
from tests.faults.warm import begin
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, SETTINGS, write_events, write_toml, write_training

TARGET = "purchase_7d"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is ready for training; copied, never changed."""
    root = tmp_path_factory.mktemp("ready")
    config = load(write_toml(root, targets={TARGET: SETTINGS["targets"][TARGET]}))
    place_mlflow_store(root)
    write_events(config)
    write_training(config, TARGET)
    return root


@pytest.fixture(scope="module")
def undisturbed(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of what a training that nobody kills registers."""
    config = copied(ready, tmp_path_factory.mktemp("undisturbed") / "night")
    train_gbdt.run(config, config.target(TARGET), AS_OF, show=False)
    return registry.candidates(config, TARGET, AS_OF)[0].manifest_sha256


def copied(ready: Path, root: Path) -> Config:
    """The folder under another name: the stores' addresses in its configuration are relative."""
    shutil.copytree(ready, root)
    return load(root / "nightcast.toml")


@pytest.mark.parametrize(
    "step",
    [
        "models.gbdt_training:stopped_early:after:2",
        "pipeline.scoring.artifact:pack:after",
        "mlflow:MlflowClient.log_model_artifacts:after",
        "mlflow:MlflowClient.create_model_version:before",
    ],
)
def test_a_training_killed_at_any_step_leaves_no_version_and_a_rerun_makes_the_same(
    ready: Path, undisturbed: str, tmp_path: Path, step: str
) -> None:
    config = copied(ready, tmp_path / "night")
    words = ["train-gbdt", "--target", TARGET, "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml")]
    assert begin(words, tmp_path / "killed", die_at=step).ended().code == -9
    assert registry.candidates(config, TARGET, AS_OF) == ()
    assert registry.find_champion(config, TARGET) is None
    done = train_gbdt.run(config, config.target(TARGET), AS_OF, show=False)
    (made,) = registry.candidates(config, TARGET, AS_OF)
    assert (made.version, made.version, made.manifest_sha256) == ("1", done["version"], undisturbed)
