"""A promotion or rollback killed between any two of its steps: one champion, always a finished one, and a rerun ends it (F24)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.evaluation.recollection import decided, recall
from pipeline.stages import promote, rollback
from pipeline.tracking import aliases, registry, runs, store
from tests import contest
from tests.contest import TARGET, judge
from tests.faults.warm import begin
from tests.synthetic_lake import AS_OF

BEFORE_THE_ALIAS = {
    "pipeline.stages.promote:decide:after": "slow",
    "pipeline.stages.promote:require_ready:before": "slow",
    "pipeline.stages.promote:require_ready:after": "",
    "mlflow:MlflowClient.log_dict:after": "slow",
    "pipeline.tracking.runs:Run.tags:after": "slow",
    "mlflow:MlflowClient.set_model_version_tag:after:2": "",
    "pipeline.tracking.registry:set_alias:before": "",
}
AFTER_THE_ALIAS = {
    "mlflow:MlflowClient.set_registered_model_alias:after": "",
    "pipeline.tracking.registry:drop_alias:after": "slow",
    "pipeline.tracking.runs:Run.tags:after:2": "",
    "mlflow:MlflowClient.update_registered_model:after": "slow",
    "mlflow:MlflowClient.update_model_version:after": "slow",
    "mlflow:MlflowClient.set_model_version_tag:after:4": "slow",
}
ROLLBACK_BEFORE = {
    "pipeline.stages.rollback:require_ready:after": "slow",
    "mlflow:MlflowClient.create_run:after": "slow",
    "mlflow:MlflowClient.update_model_version:after": "slow",
    "mlflow:MlflowClient.set_model_version_tag:after:4": "slow",
    "mlflow:MlflowClient.update_model_version:after:2": "slow",
    "mlflow:MlflowClient.set_registered_model_alias:before": "",
}
ROLLBACK_AFTER = {
    "mlflow:MlflowClient.set_registered_model_alias:after": "",
    "mlflow:MlflowClient.update_registered_model:after": "slow",
}
"""Every step, and which are tried only by `make check-all`: all of them together take more than a minute."""


def steps(*those: Mapping[str, str]) -> list[object]:
    return [pytest.param(step, marks=pytest.mark.slow if when else ()) for each in those for step, when in each.items()]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Version 1 is champion, version 2 is surely better."""
    root = tmp_path / "shop"
    root.mkdir()
    found = contest.place(root)
    registry.set_alias(found, TARGET, registry.CHAMPION, "1")
    judge(found, {"1": 0.70, "2": 0.75})
    return found


def killed(config: Config, words: list[str], step: str) -> None:
    """Run the command until it dies at the step."""
    line = [*words, "--target", TARGET, "--config", str(config.root / "nightcast.toml")]
    assert begin(line, config.root.parent / "killed", die_at=step).ended().code == -9


def everything(config: Config) -> dict[str, object]:
    """What MLflow says of the contest, without ids."""
    client = store.prepare(config)
    model = client.get_registered_model(TARGET)
    versions = {version: client.get_model_version(TARGET, version) for version in "12"}
    unstable = {"decision_run_id"}
    return {
        "aliases": dict(model.aliases),
        "about": model.description,
        "versions": {key: (each.description, {k: v for k, v in each.tags.items() if k not in unstable}) for key, each in versions.items()},
    }


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What is left by a promotion that nobody kills."""
    found = contest.place(tmp_path_factory.mktemp("promoted"))
    registry.set_alias(found, TARGET, registry.CHAMPION, "1")
    judge(found, {"1": 0.70, "2": 0.75})
    assert promote.run(found, found.target(TARGET), AS_OF, dry_run=False, show=False)["champion"] == "2"
    return everything(found)


@pytest.mark.parametrize("step", steps(BEFORE_THE_ALIAS, AFTER_THE_ALIAS))
def test_a_promotion_killed_between_two_steps_leaves_one_champion_and_is_ended_by_a_rerun(
    config: Config, promoted: dict[str, object], step: str
) -> None:
    killed(config, ["promote", "--cutoff", str(AS_OF)], step)
    assert aliases.holder(config, TARGET, registry.CHAMPION) == ("1" if step in BEFORE_THE_ALIAS else "2")
    result = promote.run(config, config.target(TARGET), AS_OF, dry_run=False, show=False)
    assert (result["promoted"], result["version"], result["champion"]) == (True, "2", "2")
    assert everything(config) == promoted
    run, _ = recall(config, TARGET, AS_OF)
    kept = decided(run)
    assert kept is not None
    assert (kept.version, kept.champion, list(kept.reasons)) == ("2", "1", result["reasons"])
    assert run.client.get_run(run.id).data.tags["decision"] == "promoted"


def test_while_the_alias_has_not_moved_the_pages_do_not_say_it_has(config: Config) -> None:
    killed(config, ["promote", "--cutoff", str(AS_OF)], "pipeline.tracking.registry:set_alias:before")
    run, _ = recall(config, TARGET, AS_OF)
    assert aliases.tags(config, TARGET, "2")["decision"] == run.client.get_run(run.id).data.tags["decision"] == "promoting"


@pytest.mark.parametrize("step", steps(ROLLBACK_BEFORE, ROLLBACK_AFTER))
def test_a_rollback_killed_between_two_steps_leaves_one_champion_and_is_ended_by_a_rerun(config: Config, step: str) -> None:
    promote.run(config, config.target(TARGET), AS_OF, dry_run=False, show=False)
    killed(config, ["rollback", "--to", "1", "--reason", "complaints"], step)
    moved = step in ROLLBACK_AFTER
    assert aliases.holder(config, TARGET, registry.CHAMPION) == ("1" if moved else "2")
    again = rollback.run(config, config.target(TARGET), "1", reason="complaints", show=False)
    assert (again["champion"], again["moved"]) == ("1", not moved)
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "1"
    assert aliases.withdrawn(config, TARGET, "12") == {"2": "withdrawn by a rollback to version 1: complaints"}
    assert runs.newest(config, TARGET, {"kind": "rollback"}, status="RUNNING") is None
    client = store.prepare(config)
    experiment = client.get_experiment_by_name(store.experiment_name(TARGET)).experiment_id
    assert len(client.search_runs([experiment], "tags.kind = 'rollback' and attributes.status = 'FINISHED'")) == 1
    assert "given the alias back by a rollback from version 2: complaints" in client.get_registered_model(TARGET).description
    refused = promote.run(config, config.target(TARGET), AS_OF, dry_run=False, show=False)
    assert (refused["promoted"], refused["champion"]) == (False, "1")
