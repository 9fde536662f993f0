from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import ModelRefused, NoChampion
from pipeline.tracking import champions, registry, runs, store
from pipeline.tracking.registry import Candidate, Card, ModelVersion


def registered(config: Config, folder: Path, candidate: Candidate) -> ModelVersion:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(f'{{"kind": "{candidate.kind}"}}')
    with runs.opened(config, "purchase_7d", candidate.kind, {}) as run:
        return registry.register(config, "purchase_7d", run, folder, candidate)


def test_a_registered_version_says_what_it_is(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    made = registered(config, tmp_path / "artifact", candidate)
    assert (made.target, made.version, made.kind) == ("purchase_7d", "1", "gbdt")
    assert (made.cutoff, made.labels_until) == (candidate.cutoff, candidate.labels_until)
    assert (made.fingerprint, made.manifest_sha256) == ("f" * 64, "a" * 64)
    assert made.run_id


def test_candidates_are_the_newest_version_of_each_kind_of_that_cutoff(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    later = replace(candidate, cutoff=candidate.cutoff.plus_days(7))
    for each in (candidate, replace(candidate, kind="sequence"), candidate, later):
        registered(config, tmp_path / "artifact", each)
    found = registry.candidates(config, "purchase_7d", candidate.cutoff)
    assert [(model.kind, model.version) for model in found] == [("gbdt", "3"), ("sequence", "2")]
    assert registry.candidates(config, "churn_28d", candidate.cutoff) == ()


def test_a_target_without_a_champion_says_what_to_run(config: Config) -> None:
    with pytest.raises(NoChampion, match="run train") as refusal:
        registry.champion(config, "purchase_7d")
    assert refusal.value.exit_code == 15
    assert champions(config) == {"purchase_7d": None, "churn_28d": None}


def test_the_alias_names_exactly_one_version(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    versions = [registered(config, tmp_path / "artifact", candidate).version for _ in range(2)]
    registry.set_alias(config, "purchase_7d", registry.CHAMPION, versions[0])
    assert registry.champion(config, "purchase_7d").version == versions[0]
    registry.set_alias(config, "purchase_7d", registry.CHAMPION, versions[1])
    assert registry.champion(config, "purchase_7d").version == versions[1]
    assert champions(config) == {"purchase_7d": versions[1], "churn_28d": None}


def test_a_download_brings_the_files_byte_for_byte(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    made = registered(config, tmp_path / "artifact", candidate)
    folder = registry.download(config, made, tmp_path / "copy")
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    assert (folder / "manifest.json").read_bytes() == (tmp_path / "artifact" / "manifest.json").read_bytes()
    assert tmp_path / "copy" in folder.parents


def test_a_version_of_the_time_before_models_had_folders_is_still_downloaded(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "manifest.json").write_text("{}")
    client = store.prepare(config)
    client.create_model_version("purchase_7d", (tmp_path / "plain").as_uri(), tags={**candidate.tags, "run_id": "r"}, await_creation_for=0)
    (found,) = registry.candidates(config, "purchase_7d", candidate.cutoff)
    folder = registry.download(config, found, tmp_path / "copy")
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


def test_the_pages_of_the_version_its_model_and_its_run_lead_to_each_other(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "manifest.json").write_text("{}")
    with runs.opened(config, "purchase_7d", "gbdt", {}) as run:
        run.params({"rounds": 20})
        card = Card("trees as of June", {"out_of_fold_auc": 0.75})
        made = registry.register(config, "purchase_7d", run, tmp_path / "artifact", candidate, card)
    version = run.client.get_model_version("purchase_7d", made.version)
    (output,) = run.client.get_run(run.id).outputs.model_outputs
    model = run.client.get_logged_model(output.model_id)
    assert (version.description, version.tags["model_id"]) == ("trees as of June", model.model_id)
    assert (model.status.value, model.model_type, model.source_run_id, model.params) == ("READY", "gbdt", run.id, {"rounds": "20"})
    assert model.tags["mlflow.note.content"] == "trees as of June"
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "purchase_7d", "version": "1"}]
    assert [(metric.key, metric.value) for metric in model.metrics] == [("out_of_fold_auc", 0.75)]
    assert run.client.get_run(run.id).data.metrics == {"out_of_fold_auc": 0.75}


def test_a_training_that_fails_before_its_files_are_stored_leaves_no_version(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    (tmp_path / "absent").mkdir()  # and empty
    with pytest.raises(FileNotFoundError, match="absent holds no files"), runs.opened(config, "purchase_7d", "gbdt", {}) as run:
        registry.register(config, "purchase_7d", run, tmp_path / "absent", candidate)
    assert registry.candidates(config, "purchase_7d", candidate.cutoff) == ()


def test_tags_can_be_added_to_a_version(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    made = registered(config, tmp_path / "artifact", candidate)
    registry.annotate(config, "purchase_7d", made.version, {"decision": "promoted"})
    assert store.prepare(config).get_model_version("purchase_7d", made.version).tags["decision"] == "promoted"


def test_a_version_made_by_something_else_is_refused(config: Config, candidate: Candidate) -> None:
    client = store.prepare(config)
    client.create_model_version("purchase_7d", "file:///nowhere", await_creation_for=0)
    registry.set_alias(config, "purchase_7d", registry.CHAMPION, "1")
    with pytest.raises(ModelRefused, match=re.escape("Version 1 of model 'purchase_7d'")):
        registry.champion(config, "purchase_7d")


def test_a_version_says_what_its_training_found_of_the_data_and_which_code_made_it(
    config: Config, tmp_path: Path, candidate: Candidate
) -> None:
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "manifest.json").write_text("{}")
    checks = {"leak_gate": "passed", "sufficiency": "warn"}
    with runs.opened(config, "purchase_7d", "gbdt", {**checks, "mlflow.source.git.commit": "c0ffee", "tuning": "used"}) as run:
        made = registry.register(config, "purchase_7d", run, tmp_path / "artifact", candidate)
    (found,) = registry.candidates(config, "purchase_7d", candidate.cutoff)
    assert made.checks == found.checks == checks
    tags = run.client.get_model_version("purchase_7d", made.version).tags
    assert tags["git_commit"]
    assert "tuning" not in tags


def test_a_version_whose_training_recorded_no_check_has_none(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    assert registered(config, tmp_path / "artifact", candidate).checks == {}


def test_descriptions_of_a_version_and_of_its_model_can_be_replaced(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    made = registered(config, tmp_path / "artifact", candidate)
    registry.describe(config, "purchase_7d", made.version, "Champion: **AUC** 0.8")
    registry.describe_model(config, "purchase_7d", "Version 1 scores, because it is the best")
    client = store.prepare(config)
    assert client.get_model_version("purchase_7d", made.version).description == "Champion: **AUC** 0.8"
    assert client.get_registered_model("purchase_7d").description == "Version 1 scores, because it is the best"
    store.prepare(config)
    assert client.get_registered_model("purchase_7d").description == "Version 1 scores, because it is the best"
