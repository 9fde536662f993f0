from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import ModelRefused, NoChampion
from pipeline.tracking import champions, registry, runs, store
from pipeline.tracking.registry import Candidate, ModelVersion


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


def test_a_training_that_fails_before_its_files_are_stored_leaves_no_version(config: Config, tmp_path: Path, candidate: Candidate) -> None:
    with pytest.raises(FileNotFoundError, match="absent"), runs.opened(config, "purchase_7d", "gbdt", {}) as run:
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
