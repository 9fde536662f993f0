from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import Busy, MissingInput, ModelRefused
from pipeline.evaluation.recollection import decided, recall
from pipeline.stages import promote, rollback
from pipeline.tracking import aliases, registry, store
from tests import contest
from tests.contest import TARGET, judge, register
from tests.synthetic_lake import AS_OF


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Versions 1 and 2 of one training; version 2 is surely the better one. Nobody is champion."""
    found = contest.place(tmp_path)
    judge(found, {"1": 0.70, "2": 0.75})
    return found


def decide(config: Config, as_of: Cutoff = AS_OF, **options: Any) -> dict[str, Any]:
    return promote.run(config, config.target(TARGET), as_of, **{"dry_run": False, "show": False, **options})


def champion(config: Config) -> str | None:
    return aliases.holder(config, TARGET, registry.CHAMPION)


def challenger(config: Config) -> str | None:
    return aliases.holder(config, TARGET, registry.CHALLENGER)


def shown(config: Config, version: str) -> str:
    """A version's description."""
    return str(store.prepare(config).get_model_version(TARGET, version).description)


def test_a_dry_run_decides_and_changes_nothing(config: Config, tmp_path: Path) -> None:
    before = (tmp_path / "mlflow.db").read_bytes()
    result = decide(config, dry_run=True)
    assert (result["promoted"], result["version"], result["champion"], result["dry_run"]) == (True, "2", None, True)
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_the_better_candidate_becomes_champion_and_every_page_says_why(config: Config) -> None:
    result = decide(config)
    assert (result["promoted"], result["version"], result["champion"]) == (True, "2", "2")
    assert champion(config) == "2"
    tags = aliases.tags(config, TARGET, "2")
    run, _ = recall(config, TARGET, AS_OF)
    assert (tags["decision"], tags["decision_run_id"]) == ("promoted", run.id)
    assert "there is no champion yet" in tags["decision_reasons"]
    logged = run.client.get_run(run.id).data.tags
    assert (logged["decision"], logged["decision_version"]) == ("promoted", "2")
    assert [each["gate"] for each in result["gates"]] == [gate.name for gate in decided(run).gates]  # type: ignore[union-attr]
    assert shown(config, "2").endswith("".join(f"\n- {reason}" for reason in result["reasons"]))
    about = store.prepare(config).get_registered_model(TARGET).description
    assert "**Champion:** version 2 (sequence)\n\n- " in about
    assert result["reasons"][0] in about


def test_a_promotion_that_was_carried_out_is_said_again_and_touches_nothing(config: Config, tmp_path: Path) -> None:
    first = decide(config)
    before = (tmp_path / "mlflow.db").read_bytes()
    assert decide(config) == first
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_an_equal_challenger_is_refused_with_the_numbers_and_gets_the_challenger_alias(config: Config) -> None:
    decide(config)
    register(config, "3")
    judge(config, {"2": 0.75, "3": 0.75})
    result = decide(config)
    assert (result["promoted"], result["version"], result["champion"]) == (False, "3", "2")
    assert any("0.0000 [-0.0050, 0.0050]" in reason for reason in result["reasons"])
    assert aliases.tags(config, TARGET, "3")["decision"] == "refused"
    assert (champion(config), challenger(config)) == ("2", "3")
    about = store.prepare(config).get_registered_model(TARGET).description
    assert "**Champion:** version 2 (sequence)\n\n- there is no champion yet" in about
    assert "**Challenger:** version 3 (gbdt)\n\n- " in about


def test_a_later_promotion_leaves_no_challenger_and_one_decision_in_each_description(config: Config) -> None:
    decide(config)
    register(config, "3")
    judge(config, {"2": 0.75, "3": 0.75})
    decide(config)
    judge(config, {"2": 0.70, "3": 0.75})
    assert decide(config)["champion"] == "3"
    assert (champion(config), challenger(config)) == ("3", None)
    assert shown(config, "3").count("**Decision:**") == 1


def test_without_an_evaluation_there_is_no_decision(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="nightcast evaluate"):
        decide(contest.place(tmp_path, versions=1))


def test_an_evaluation_older_than_the_newest_candidate_does_not_count(config: Config) -> None:
    register(config, "3")
    with pytest.raises(MissingInput, match="does not know version 3"):
        decide(config)
    assert champion(config) is None


def test_an_evaluation_that_did_not_judge_the_champion_does_not_count(config: Config) -> None:
    register(config, "3", AS_OF.plus_days(-14))
    registry.set_alias(config, TARGET, registry.CHAMPION, "3")
    with pytest.raises(MissingInput, match="does not know version 3"):
        decide(config)


@pytest.mark.parametrize(("expected", "found"), [("1", "the promotion of version 2"), ("none", "the promotion of version 2")])
def test_another_decision_than_the_approved_one_moves_nothing(config: Config, expected: str, found: str) -> None:
    with pytest.raises(MissingInput, match=f"would happen now is {found}"):
        decide(config, expected=expected)
    assert champion(config) is None
    assert "decision" not in aliases.tags(config, TARGET, "2")


def test_the_approved_decision_is_carried_out_and_approved_nothing_stays_nothing(config: Config) -> None:
    assert decide(config, expected="2")["champion"] == "2"
    assert decide(config, expected="2")["champion"] == "2"
    register(config, "3")
    judge(config, {"2": 0.75, "3": 0.75})
    with pytest.raises(MissingInput, match="the promotion of version 3; what would happen now is that nobody is promoted"):
        decide(config, expected="3")
    assert decide(config, expected="none")["champion"] == "2"


def test_a_no_is_recorded_with_the_numbers_and_the_champion_stays(config: Config) -> None:
    registry.set_alias(config, TARGET, registry.CHAMPION, "1")
    result = decide(config, declined="too risky")
    assert (result["promoted"], result["version"], result["champion"]) == (False, "2", "1")
    assert result["reasons"][0] == "a person declined it: too risky"
    assert len(result["reasons"]) > 1
    assert (champion(config), challenger(config)) == ("1", "2")
    tags = aliases.tags(config, TARGET, "2")
    assert (tags["decision"], tags["decision_reasons"].split("\n")[0]) == ("refused", "a person declined it: too risky")
    assert decide(config)["champion"] == "2"
    assert decide(config, declined="too late")["champion"] == "2"


def test_a_version_whose_files_were_changed_never_gets_the_alias(tmp_path: Path) -> None:
    config = contest.place_anew(tmp_path)
    judge(config, {"1": 0.70, "2": 0.75})
    place = urlsplit(store.prepare(config).get_model_version(TARGET, "2").source).path
    file = Path(place) / "artifacts" / "scorer" / "baseline.json"
    file.write_text(file.read_text(encoding="utf-8").replace("-1.0", "-2.0"), encoding="utf-8")
    with pytest.raises(ModelRefused, match=r"baseline\.json was changed"):
        decide(config)
    assert champion(config) is None
    assert "decision" not in aliases.tags(config, TARGET, "2")


def test_a_version_whose_model_is_not_finished_never_gets_the_alias(config: Config) -> None:
    store.prepare(config).finalize_logged_model(aliases.tags(config, TARGET, "2")[registry.MODEL_ID], "FAILED")
    with pytest.raises(ModelRefused, match="its logged model is FAILED"):
        decide(config)
    assert champion(config) is None


def test_a_champion_that_changes_while_the_files_are_checked_is_noticed(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promote, "require_ready", lambda *_: registry.set_alias(config, TARGET, registry.CHAMPION, "1"))
    with pytest.raises(Busy, match="changed from nobody to 1"):
        decide(config)
    assert champion(config) == "1"
    assert aliases.tags(config, TARGET, "2")["decision"] == "promoting"


def test_what_a_rollback_withdrew_is_not_promoted_again(config: Config) -> None:
    register(config, "3", AS_OF.plus_days(-14))
    registry.set_alias(config, TARGET, registry.CHAMPION, "3")
    judge(config, {"1": 0.69, "2": 0.75, "3": 0.70})
    assert decide(config)["champion"] == "2"
    rollback.run(config, config.target(TARGET), "3", reason="too many complaints", show=False)
    result = decide(config)
    assert (result["promoted"], result["version"], result["champion"]) == (False, "1", "3")
    assert any("version 2 was set aside: withdrawn by a rollback to version 3: too many complaints" in each for each in result["reasons"])
