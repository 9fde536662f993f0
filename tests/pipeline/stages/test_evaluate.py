from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import gbdt, metrics
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError, MissingInput, ModelRefused, NotEnoughData
from pipeline.evaluation.recollection import recall
from pipeline.evaluation.rows import BucketAnswers, JudgeTask, judge_bucket
from pipeline.lake import Lake
from pipeline.stages import evaluate, promote, train_baselines, train_gbdt
from pipeline.tracking import registry, runs
from pipeline.training_set import training_set
from pipeline.warehouse import open_warehouse
from tests.synthetic_lake import AS_OF, configuration, write_training

EVALUATION = AS_OF.plus_days(-7)


def train(config: Config) -> dict[str, Any]:
    return train_gbdt.run(config, config.target("purchase_7d"), AS_OF, show=False)


def baselines(config: Config) -> dict[str, str]:
    """Kind → version."""
    trained = train_baselines.run(config, config.target("purchase_7d"), AS_OF, show=False)
    return {each["kind"]: each["version"] for each in trained["baselines"]}


def judge(config: Config) -> dict[str, Any]:
    return evaluate.run(config, config.target("purchase_7d"), AS_OF, show=False)


def test_a_candidate_is_judged_on_the_labelled_users_of_the_evaluation_cutoff(shop: Config, tmp_path: Path) -> None:
    train(shop)
    result = judge(shop)
    rows = training_set(Lake(shop.lake_url), configured_features(shop), shop.target("purchase_7d"), [EVALUATION])
    (candidate,) = result["candidates"]
    assert (result["cutoff"], result["rows"], result["positives"]) == (str(EVALUATION), len(rows.labels), int(rows.labels.sum()))
    (made,) = registry.candidates(shop, "purchase_7d", AS_OF)
    model = gbdt.load(registry.download(shop, made, tmp_path))
    raw = np.asarray(model.booster.predict(model.features.apply(rows.matrix(np.arange(len(rows.labels)))), raw_score=True))
    assert candidate["auc"] == pytest.approx(metrics.auc(rows.labels, raw), abs=1e-12)
    assert candidate["lower"] < candidate["auc"] < candidate["upper"]
    assert (result["best"], candidate["champion"]) == (made.version, False)


def test_the_champion_is_judged_on_the_same_rows_as_its_challenger(shop: Config) -> None:
    train(shop)
    registry.set_alias(shop, "purchase_7d", registry.CHAMPION, "1")
    train(shop)
    result = judge(shop)
    assert [(model["version"], model["champion"]) for model in result["candidates"]] == [("2", False), ("1", True)]
    _, evidence = recall(shop, "purchase_7d", AS_OF)
    assert evidence.difference("2", "1").value == 0  # the same training twice


def test_figures_go_to_the_warehouse_and_to_mlflow(shop: Config) -> None:
    version = train(shop)["version"]
    (candidate,) = judge(shop)["candidates"]
    with open_warehouse(shop) as warehouse:
        rows = warehouse.query("SELECT * FROM model_quality ORDER BY metric").to_pylist()
    assert {row["metric"] for row in rows if row["slice"] == "all"} >= {"auc", "average_precision", "brier", "ece", "log_loss"}
    (auc,) = [row for row in rows if (row["metric"], row["slice"]) == ("auc", "all")]
    assert (auc["value"], auc["lower"], auc["model_version"], auc["basis"], auc["slice"]) == (
        candidate["auc"],
        candidate["lower"],
        version,
        "validation",
        "all",
    )
    assert auc["cutoff"] == EVALUATION.instant
    (made,) = registry.candidates(shop, "purchase_7d", AS_OF)
    own = runs.existing(shop, made.run_id)
    assert own.client.get_run(own.id).data.metrics["evaluation_auc"] == candidate["auc"]
    run, evidence = recall(shop, "purchase_7d", AS_OF)
    stored = run.client.get_run(run.id)
    assert stored.data.metrics[f"gbdt_v{version}_auc"] == candidate["auc"]
    assert {read.dataset.name for read in stored.inputs.dataset_inputs} == {"labels", configured_features(shop).table}
    assert evidence.models[0].checks == {"leak_gate": "passed", "sufficiency": "warn"}
    assert {entry.path for entry in run.client.list_artifacts(run.id)} >= {"figures", "metrics.json", "evidence.json"}


def test_judging_again_replaces_the_figures(shop: Config) -> None:
    def kept() -> list[dict[str, Any]]:
        with open_warehouse(shop) as warehouse:
            return warehouse.query("SELECT * FROM model_quality ORDER BY slice, metric").to_pylist()

    train(shop)
    first = judge(shop)
    found = kept()
    assert (judge(shop), kept()) == (first, found)


def test_models_are_judged_by_the_groups_that_are_declared(shop: Config, tmp_path: Path) -> None:
    by = {"slices": ("tenure", "segment", "days_since_any"), "slice_rows": 40, "slice_positives": 5}
    declared = configuration(tmp_path, evaluation={**by, "bands": {"days_since_any": (7,)}, "replicates": 100})
    version = train(declared)["version"]
    result = judge(declared)
    _, evidence = recall(declared, "purchase_7d", AS_OF)
    of = {each.name: each for each in evidence.slices}
    assert of.keys() >= {"segment = (unknown)", "tenure = under 30 days", "days_since_any = x < 7", "days_since_any = x ≥ 7"}
    for column in by["slices"]:
        assert sum(each.rows for each in evidence.slices if each.column == column) == result["rows"]
    everybody, overall = of["segment = (unknown)"], evidence.models[0].figures
    assert everybody.models[version]["auc"] == overall["auc"]
    assert everybody.models[version]["reached"].value == pytest.approx(0.1)
    assert "at least 40 are needed" in of["tenure = under 30 days"].too_small


def test_a_group_that_nobody_knows_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.slices names planet"):
        judge(configuration(tmp_path, evaluation={"slices": ("tenure", "planet")}))


def test_without_a_training_there_is_nothing_to_judge(shop: Config) -> None:
    with pytest.raises(MissingInput, match="train-gbdt"):
        judge(shop)


def test_without_labels_at_the_evaluation_cutoff_nothing_is_judged(shop: Config) -> None:
    train(shop)
    wanted = {"target": "purchase_7d", "cutoff": EVALUATION.key}
    Lake(shop.lake_url).open("labels").delete(" AND ".join(f"{key} = '{value}'" for key, value in wanted.items()))  # type: ignore[union-attr]
    with pytest.raises(MissingInput, match="build-features --training"):
        judge(shop)


def test_labels_of_another_definition_do_not_judge(shop: Config) -> None:
    train(shop)
    lake, partition = Lake(shop.lake_url), {"target": "purchase_7d", "cutoff": EVALUATION.key}
    rows = lake.read("labels", {**partition, "bucket": "0"}, ["user_id", "label"])
    part = lake.write_part("labels", {**partition, "bucket": "0"}, "other", rows)
    lake.commit("labels", rows.schema, partition, [part], metadata={"definition": "{}"})
    with pytest.raises(MissingInput, match="another definition"):
        judge(shop)


@pytest.fixture
def nobody_buys(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the evaluation cutoff there is one outcome only."""

    def all_negative(task: JudgeTask) -> BucketAnswers:
        answers = judge_bucket(task)
        answers.y[:] = 0
        return answers

    monkeypatch.setattr(evaluate, "judge_bucket", all_negative)


@pytest.mark.usefixtures("nobody_buys")
def test_one_outcome_only_cannot_judge_without_a_base_rate(shop: Config) -> None:
    train(shop)
    with pytest.raises(NotEnoughData, match="0 of 239 users have outcome 1") as refusal:
        judge(shop)
    assert "nightcast train-baselines" in str(refusal.value.mend)


@pytest.mark.usefixtures("nobody_buys")
def test_by_one_outcome_only_the_base_rate_alone_is_judged_and_becomes_the_first_champion(shop: Config) -> None:
    version = baselines(shop)["base_rate"]
    result = judge(shop)
    (judged,) = result["candidates"]
    assert (judged["kind"], judged["version"], result["best"], result["positives"]) == ("base_rate", version, version, 0)
    assert (judged["auc"], judged["lower"], judged["upper"]) == (0.5, 0.0, 1.0)
    assert set(judged) >= {"log_loss", "brier", "ece"}
    assert len(result["set_aside"]) == 3
    assert all("0 of 239 users have outcome 1: users cannot be ranked" in why for why in result["set_aside"])
    decision = promote.run(shop, shop.target("purchase_7d"), AS_OF, dry_run=False, show=False)
    assert (decision["promoted"], decision["version"], decision["champion"]) == (True, version, version)
    assert result["proposal"] == decision["reasons"][0]


@pytest.mark.usefixtures("nobody_buys")
def test_by_one_outcome_only_no_champion_is_replaced(shop: Config) -> None:
    champion = train(shop)["version"]
    registry.set_alias(shop, "purchase_7d", registry.CHAMPION, champion)
    baselines(shop)
    judge(shop)
    decision = promote.run(shop, shop.target("purchase_7d"), AS_OF, dry_run=False, show=False)
    assert (decision["promoted"], decision["champion"]) == (False, champion)
    assert f"champion version {champion} stays" in decision["reasons"][0]
    assert registry.champion(shop, "purchase_7d").version == champion


def test_without_a_labelled_user_nothing_is_judged(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    baselines(shop)

    def nobody(task: JudgeTask) -> BucketAnswers:
        answers = judge_bucket(task)
        return BucketAnswers(answers.y[:0], answers.raw[:0], answers.probability[:0])

    monkeypatch.setattr(evaluate, "judge_bucket", nobody)
    with pytest.raises(NotEnoughData, match="no user has an outcome of purchase_7d"):
        judge(shop)
    monkeypatch.setattr(evaluate, "bucket_inputs", lambda *_: ())
    with pytest.raises(NotEnoughData, match="no user has an outcome of purchase_7d"):
        judge(shop)


def test_a_champion_that_reads_other_features_is_set_aside_with_both_fingerprints(shop: Config, tmp_path: Path) -> None:
    train(shop)
    registry.set_alias(shop, "purchase_7d", registry.CHAMPION, "1")
    changed = configuration(tmp_path, windows={"lookback_days": 60, "days": (14,)})
    write_training(changed, "purchase_7d")
    train(changed)
    result = judge(changed)
    assert [model["version"] for model in result["candidates"]] == ["2"]
    (why,) = result["set_aside"]
    assert configured_features(shop).fingerprint in why
    assert configured_features(changed).fingerprint in why


def test_a_changed_champion_stops_the_evaluation(shop: Config, tmp_path: Path) -> None:
    train(shop)
    registry.set_alias(shop, "purchase_7d", registry.CHAMPION, "1")
    (model,) = (tmp_path / "mlartifacts").rglob("model.txt")
    model.write_bytes(model.read_bytes()[:-10])
    train(shop)
    with pytest.raises(ModelRefused, match=r"model\.txt was changed"):
        judge(shop)
