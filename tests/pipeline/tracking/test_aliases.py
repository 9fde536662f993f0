from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import MissingInput, ModelRefused
from pipeline.tracking import aliases, registry, store
from tests import contest
from tests.contest import TARGET


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return contest.place(tmp_path)


def test_whoever_moves_an_alias_of_a_target_is_alone(config: Config, tmp_path: Path) -> None:
    with aliases.alone(config, TARGET):
        assert (tmp_path / f"mlflow.db.{TARGET}.holder").read_text(encoding="utf-8").startswith("process ")
        with aliases.alone(config, "another_target"):
            pass
    assert not (tmp_path / f"mlflow.db.{TARGET}.holder").exists()


def test_the_lock_of_a_server_lies_beside_the_configuration(config: Config, tmp_path: Path) -> None:
    served = config.model_copy(update={"mlflow": config.mlflow.model_copy(update={"tracking_uri": "http://mlflow.example"})})
    with aliases.alone(served, TARGET):
        assert (tmp_path / f"mlflow.{TARGET}.lock").exists()


def test_an_alias_is_on_one_version_or_on_none(config: Config) -> None:
    assert aliases.holder(config, TARGET, registry.CHAMPION) is None
    registry.set_alias(config, TARGET, registry.CHAMPION, "1")
    registry.set_alias(config, TARGET, registry.CHAMPION, "2")
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"


def test_a_version_is_found_by_its_number(config: Config) -> None:
    assert (aliases.version(config, TARGET, "2").version, aliases.version(config, TARGET, "2").kind) == ("2", "sequence")
    with pytest.raises(MissingInput, match="has no version 02; there are: 1, 2"):
        aliases.version(config, TARGET, "02")


def test_withdrawing_is_forgotten_when_reinstated(config: Config) -> None:
    registry.annotate(config, TARGET, "1", {aliases.WITHDRAWN: "why"})
    assert aliases.withdrawn(config, TARGET, ["1", "2"]) == {"1": "why"}
    aliases.reinstate(config, TARGET, "1")
    aliases.reinstate(config, TARGET, "1")
    assert aliases.withdrawn(config, TARGET, ["1", "2"]) == {}


def test_only_a_model_that_was_stored_to_the_end_is_finished(config: Config) -> None:
    model = aliases.version(config, TARGET, "1")
    aliases.require_finished(config, model)
    store.prepare(config).finalize_logged_model(aliases.tags(config, TARGET, "1")[registry.MODEL_ID], "FAILED")
    with pytest.raises(ModelRefused, match="its logged model is FAILED; both have to be READY"):
        aliases.require_finished(config, model)
