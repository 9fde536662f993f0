from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.evaluation.recollection import recall
from pipeline.stages import evaluate, promote, train_gbdt
from pipeline.tracking import registry, store
from tests.synthetic_lake import AS_OF, write_training


def train_and_judge(config: Config, as_of: Cutoff = AS_OF) -> None:
    train_gbdt.run(config, config.target("purchase_7d"), as_of, show=False)
    evaluate.run(config, config.target("purchase_7d"), as_of, show=False)


def decide(config: Config, as_of: Cutoff = AS_OF, *, dry_run: bool = False) -> dict[str, Any]:
    return promote.run(config, config.target("purchase_7d"), as_of, dry_run=dry_run, show=False)


def test_a_dry_run_decides_and_changes_nothing(shop: Config, tmp_path: Path) -> None:
    train_and_judge(shop)
    before = (tmp_path / "mlflow.db").read_bytes()
    result = decide(shop, dry_run=True)
    assert (result["promoted"], result["version"], result["champion"], result["dry_run"]) == (True, "1", None, True)
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_the_first_good_candidate_becomes_champion_and_the_reasons_are_recorded(shop: Config) -> None:
    train_and_judge(shop)
    result = decide(shop)
    assert (result["promoted"], result["version"], result["champion"]) == (True, "1", "1")
    assert registry.champion(shop, "purchase_7d").version == "1"
    tags = store.prepare(shop).get_model_version("purchase_7d", "1").tags
    assert tags["decision"] == "promoted"
    assert "there is no champion yet" in tags["decision_reasons"]
    run, _ = recall(shop, "purchase_7d", AS_OF)
    logged = run.client.get_run(run.id).data.tags
    assert (logged["decision"], logged["decision_version"]) == ("promoted", "1")


def test_deciding_again_keeps_the_champion(shop: Config) -> None:
    train_and_judge(shop)
    decide(shop)
    result = decide(shop)
    assert (result["promoted"], result["version"], result["champion"]) == (False, None, "1")
    assert registry.champion(shop, "purchase_7d").version == "1"


def test_an_equal_challenger_is_refused_with_the_numbers_and_gets_the_challenger_alias(shop: Config) -> None:
    train_and_judge(shop)
    decide(shop)
    train_and_judge(shop)
    result = decide(shop)
    assert (result["promoted"], result["version"], result["champion"]) == (False, "2", "1")
    assert "the paired difference is 0.0000" in result["reasons"][1]
    client = store.prepare(shop)
    assert client.get_model_version("purchase_7d", "2").tags["decision"] == "refused"
    assert client.get_model_version("purchase_7d", "2").aliases == [registry.CHALLENGER]
    assert registry.champion(shop, "purchase_7d").version == "1"


def test_without_an_evaluation_there_is_no_decision(shop: Config) -> None:
    train_gbdt.run(shop, shop.target("purchase_7d"), AS_OF, show=False)
    with pytest.raises(MissingInput, match="nightcast evaluate"):
        decide(shop)


def test_an_evaluation_older_than_the_newest_candidate_does_not_count(shop: Config) -> None:
    train_and_judge(shop)
    train_gbdt.run(shop, shop.target("purchase_7d"), AS_OF, show=False)
    with pytest.raises(MissingInput, match="does not know version 2"):
        decide(shop)
    assert registry.find_champion(shop, "purchase_7d") is None


def test_a_champion_trained_on_later_outcomes_is_not_compared(shop: Config) -> None:
    train_and_judge(shop)
    decide(shop)
    earlier = AS_OF.plus_days(-21)
    write_training(shop, "purchase_7d", earlier)
    train_and_judge(shop, earlier)
    result = decide(shop, earlier)
    assert (result["promoted"], result["version"], result["champion"]) == (False, "2", "1")
    assert "no comparison is fair" in result["reasons"][0]
