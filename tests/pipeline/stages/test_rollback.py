from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.errors import MissingInput, ModelRefused
from pipeline.stages import rollback
from pipeline.tracking import aliases, registry, store
from pipeline.tracking.store import experiment_name
from tests import contest
from tests.contest import TARGET


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Versions 1 and 2, and 2 is champion."""
    found = contest.place(tmp_path)
    registry.set_alias(found, TARGET, registry.CHAMPION, "2")
    return found


def back(config: Config, version: str, reason: str = "") -> dict[str, Any]:
    return rollback.run(config, config.target(TARGET), version, reason=reason, show=False)


def rollbacks(config: Config) -> list[dict[str, str]]:
    """Tags of the finished runs that say what was rolled back, the newest first."""
    client = store.prepare(config)
    experiment = client.get_experiment_by_name(experiment_name(TARGET)).experiment_id
    return [run.data.tags for run in client.search_runs([experiment], "tags.kind = 'rollback' and attributes.status = 'FINISHED'")]


def test_the_alias_goes_back_and_both_versions_and_a_run_say_why(config: Config) -> None:
    assert back(config, "1", "too many complaints") == {
        "target": TARGET,
        "moved": True,
        "champion": "1",
        "kind": "gbdt",
        "as_of": "2026-04-11T00:00:00Z",
        "before": "2",
        "reason": "too many complaints",
    }
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "1"
    removed, restored = (aliases.tags(config, TARGET, version) for version in "21")
    assert removed["withdrawn"] == "withdrawn by a rollback to version 1: too many complaints"
    assert (removed["decision"], restored["decision"]) == ("withdrawn", "restored")
    (run,) = rollbacks(config)
    assert (run["removed"], run["restored"], run["reason"]) == ("2", "1", "too many complaints")
    about = store.prepare(config).get_registered_model(TARGET).description
    assert "**Champion:** version 1 (gbdt)\n\n- given the alias back by a rollback from version 2: too many complaints" in about


def test_again_it_changes_nothing(config: Config, tmp_path: Path) -> None:
    back(config, "1")
    before = (tmp_path / "mlflow.db").read_bytes()
    result = back(config, "1")
    assert (result["moved"], result["champion"], result["before"]) == (False, "1", "1")
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_going_back_to_a_withdrawn_version_lifts_that(config: Config) -> None:
    back(config, "1")
    back(config, "2")
    assert aliases.withdrawn(config, TARGET, "12") == {"1": "withdrawn by a rollback to version 2"}
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"
    assert len(rollbacks(config)) == 2


def test_where_nobody_was_champion_nobody_is_withdrawn_and_a_challenger_is_one_no_more(tmp_path: Path) -> None:
    config = contest.place(tmp_path)
    registry.set_alias(config, TARGET, registry.CHALLENGER, "1")
    assert back(config, "1")["before"] is None
    assert aliases.holder(config, TARGET, registry.CHALLENGER) is None
    assert aliases.withdrawn(config, TARGET, "12") == {}


def test_a_champion_that_no_training_registered_can_be_replaced(config: Config) -> None:
    client = store.prepare(config)
    foreign = client.create_model_version(TARGET, "file:///nowhere", await_creation_for=0)
    registry.set_alias(config, TARGET, registry.CHAMPION, str(foreign.version))
    assert back(config, "1")["before"] == str(foreign.version)
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "1"


def test_a_version_that_does_not_exist_is_refused_with_those_that_do(config: Config) -> None:
    with pytest.raises(MissingInput, match="has no version 9; there are: 1, 2"):
        back(config, "9")


def test_a_version_that_no_longer_fits_the_configuration_is_refused(config: Config) -> None:
    other = config.model_copy(update={"windows": config.windows.model_copy(update={"days": (7, 14)})})
    with pytest.raises(ModelRefused, match="the configuration makes"):
        back(other, "1")
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"
    assert rollbacks(config) == []
