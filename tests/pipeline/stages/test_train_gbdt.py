from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.splits import split
from models import gbdt
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput, NotEnoughData
from pipeline.lake import Lake
from pipeline.stages import train_gbdt
from pipeline.tracking import registry, runs, store
from tests.synthetic_lake import AS_OF, configuration, write_training


def train(config: Config) -> dict[str, Any]:
    return train_gbdt.run(config, config.target("purchase_7d"), AS_OF, show=False)


def test_a_training_ends_in_a_registered_candidate(shop: Config) -> None:
    result = train(shop)
    (made,) = registry.candidates(shop, "purchase_7d", AS_OF)
    assert (result["kind"], result["version"], result["run_id"]) == ("gbdt", made.version, made.run_id)
    assert result["auc_out_of_fold"] > 0.7
    assert 0 < result["positives"] < result["rows"]
    assert registry.find_champion(shop, "purchase_7d") is None


def test_it_learns_from_nothing_after_the_evaluation_cutoff(shop: Config) -> None:
    train(shop)
    held = split(shop.target("purchase_7d"), AS_OF, "UTC", cutoffs=2, step_days=14)
    (made,) = registry.candidates(shop, "purchase_7d", AS_OF)
    assert made.newest_training_cutoff == held.training[-1]
    assert made.labels_until <= held.evaluation


def test_everything_about_it_is_in_its_run_and_no_user_is(shop: Config, tmp_path: Path) -> None:
    logged = runs.existing(shop, train(shop)["run_id"])
    run = logged.client.get_run(logged.id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "gbdt 2026-04-11T00:00:00Z"
    assert {"learning_rate", "best_rounds", "newest_training_cutoff", "seed"} <= run.data.params.keys()
    assert {"out_of_fold_auc", "out_of_fold_ece", "rows", "seconds", "held_out_log_loss"} <= run.data.metrics.keys()
    assert {"kind", "cutoff", "fingerprint", "labels_version", "features_version"} <= run.data.tags.keys()
    assert (run.data.tags["timelines_version"], run.data.tags["events_version"]) == ("0", "5")
    assert {entry.dataset.name for entry in run.inputs.dataset_inputs} == {configured_features(shop).table, "labels"}
    assert len(logged.client.get_metric_history(logged.id, "held_out_log_loss")) > 3
    figures = {entry.path for entry in logged.client.list_artifacts(logged.id, "figures")}
    assert {f"figures/{name}.png" for name in ("learning_curve", "feature_importance", "roc", "calibration", "lift")} <= figures
    written = [path.read_bytes() for path in (tmp_path / "mlartifacts").rglob("*") if path.is_file()]
    assert not any(b"user-0" in content for content in [*written, (tmp_path / "mlflow.db").read_bytes()])


def test_the_columns_it_reads_and_why_not_the_others_are_in_its_run(shop: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        logged = runs.existing(shop, train(shop)["run_id"])
    (made,) = registry.candidates(shop, "purchase_7d", AS_OF)
    features = gbdt.load(registry.download(shop, made, tmp_path)).features
    assert runs.read_table(logged, "model_features.json") == features.to_json()
    assert features.base_fingerprint == made.fingerprint
    kept, dropped = len(features.names), len(features.dropped)
    assert kept + dropped == len(configured_features(shop).names)
    assert "moves with" in " ".join(features.dropped.values())
    assert runs.read_table(logged, "dropped_features.json") == {
        "columns": ["feature", "reason"],
        "data": [[name, reason] for name, reason in features.dropped.items()],
    }
    params = logged.client.get_run(logged.id).data.params
    assert params["model_features_fingerprint"] == features.fingerprint
    assert (params["features_kept"], params["features_dropped"]) == (str(kept), str(dropped))
    assert f"the model reads {kept} columns; {dropped} tell nothing new" in caplog.messages


def test_a_repeat_event_gives_columns_and_sentences_to_a_model(shop: Config, tmp_path: Path) -> None:
    repeating = configuration(tmp_path, features={"repeat_event": "purchase", "repeat_days": 7})
    write_training(repeating, "purchase_7d")
    train(repeating)
    made = registry.candidates(repeating, "purchase_7d", AS_OF)[0]
    folder = registry.download(repeating, made, tmp_path)
    assert "expected_purchase_7d" in gbdt.load(folder).features.names
    sentences = json.loads((folder / "sentences.json").read_text())
    assert sentences.keys() == set(gbdt.load(folder).features.names)
    assert sentences["expected_purchase_7d"].startswith("{value} days with purchase events to be expected in the next 7 days")


def test_the_same_lake_gives_the_same_model(shop: Config) -> None:
    made = []
    for _ in range(2):
        train(shop)
        made.append(registry.candidates(shop, "purchase_7d", AS_OF)[0])
    assert [model.version for model in made] == ["1", "2"]
    assert made[0].manifest_sha256 == made[1].manifest_sha256


def test_too_few_of_one_outcome_are_refused_with_the_counts(shop: Config, tmp_path: Path) -> None:
    strict = configuration(tmp_path, training={**shop.training.model_dump(), "min_positives": 150})
    with pytest.raises(NotEnoughData, match=r"has \d+ samples with outcome 1 and \d+ with outcome 0 .* at least 150 of each") as refusal:
        train(strict)
    assert refusal.value.exit_code == 17
    assert registry.candidates(shop, "purchase_7d", AS_OF) == ()


def test_one_outcome_only_is_refused(shop: Config) -> None:
    lake, held = Lake(shop.lake_url), split(shop.target("purchase_7d"), AS_OF, "UTC", cutoffs=2, step_days=14)
    schema = pa.schema([pa.field("user_id", pa.string()), pa.field("label", pa.int8())])
    for cutoff in held.training:
        partition = {"target": "purchase_7d", "cutoff": cutoff.key}
        found = lake.read("labels", partition, ["user_id", "label", "bucket"])
        nobody = pa.table({"user_id": found["user_id"], "label": pa.array([0] * len(found), pa.int8())}, schema=schema)
        chosen = nobody.filter(pa.compute.equal(found["bucket"], 0))
        part = lake.write_part("labels", {**partition, "bucket": "0"}, "nobody", chosen)
        lake.commit("labels", schema, partition, [part], metadata={"timelines_version": "0"})
    with pytest.raises(NotEnoughData, match="has 0 samples with outcome 1"):
        train(shop)


def test_labels_that_were_never_built_are_missing(shop: Config) -> None:
    with pytest.raises(MissingInput, match="build-features --training"):
        train_gbdt.run(shop, shop.target("purchase_7d"), AS_OF.plus_days(3), show=False)


def test_a_training_that_breaks_off_leaves_a_failed_run_and_no_version(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*arguments: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(registry, "register", breaks)
    with pytest.raises(RuntimeError, match="power cut"):
        train(shop)
    assert registry.candidates(shop, "purchase_7d", AS_OF) == ()
    client = store.prepare(shop)
    experiment = client.get_experiment_by_name("nightcast/purchase_7d")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]
