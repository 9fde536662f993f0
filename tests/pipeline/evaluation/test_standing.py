from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.evaluation import standing
from pipeline.tracking import aliases, registry, store
from tests import contest
from tests.contest import TARGET


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return contest.place(tmp_path)


def about(config: Config) -> str:
    return str(store.prepare(config).get_registered_model(TARGET).description)


def test_a_decision_follows_what_the_training_wrote_and_replaces_the_one_before(config: Config) -> None:
    registry.describe(config, TARGET, "1", "Trees.")
    standing.note(config, TARGET, "1", "refused", ["too weak", "set aside: 2"], "run-a")
    standing.note(config, TARGET, "1", "promoted", ["better by 0.01; surely"], "run-b")
    assert aliases.description(config, TARGET, "1") == "Trees.\n\n**Decision:** promoted.\n\n- better by 0.01; surely"
    tags = aliases.tags(config, TARGET, "1")
    assert [tags[f"decision{name}"] for name in ("", "_reasons", "_run_id")] == ["promoted", "better by 0.01; surely", "run-b"]


def test_a_version_without_a_description_gets_one(config: Config) -> None:
    registry.describe(config, TARGET, "1", "")
    standing.note(config, TARGET, "1", "withdrawn", ["it was wrong"], "run-a")
    assert aliases.description(config, TARGET, "1").strip() == "**Decision:** withdrawn.\n\n- it was wrong"


def test_tags_keep_to_the_length_that_mlflow_stores() -> None:
    assert len(standing.tags("refused", ["x" * 5000], "r")["decision_reasons"]) == standing.TAG_LENGTH


def test_the_registered_model_says_who_stands_where_and_why(config: Config) -> None:
    standing.describe(config, TARGET)
    assert about(config) == f"Scorers of target **{TARGET}**."
    standing.note(config, TARGET, "1", "promoted", ["it is better", "surely", "and so on"], "run-a")
    registry.set_alias(config, TARGET, registry.CHAMPION, "1")
    registry.set_alias(config, TARGET, registry.CHALLENGER, "2")
    standing.describe(config, TARGET)
    assert about(config).split("\n\n")[1:] == [
        "**Champion:** version 1 (gbdt)",
        "- it is better\n- surely",
        "**Challenger:** version 2 (sequence)",
        "- it was given the alias by hand; nothing is recorded about why",
    ]
