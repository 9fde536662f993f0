from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.splits import split
from models import gbdt
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import DeviceRefused
from models.samples import Samples
from pipeline import tuning
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError, MissingInput
from pipeline.lake import Lake
from pipeline.scoring.enrolment import Trained, Training
from pipeline.stages import train_gbdt
from pipeline.tracking import registry, runs, store
from pipeline.tracking.runs import Run
from pipeline.training_set import training_set
from tests.synthetic_lake import AS_OF, configuration, write_leak_report, write_training


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
    assert run.info.run_name == "gbdt 2026-04-11"
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


def test_with_too_few_of_one_outcome_nothing_is_trained_and_the_night_goes_on(shop: Config, tmp_path: Path) -> None:
    strict = configuration(tmp_path, training={**shop.training.model_dump(), "min_positives": 150})
    result = train(strict)
    assert {name: result[name] for name in ("target", "kind", "trained")} == {"target": "purchase_7d", "kind": "gbdt", "trained": False}
    assert "at least 150 of each are needed" in result["reason"]
    assert registry.candidates(shop, "purchase_7d", AS_OF) == ()


def test_what_was_expected_of_the_data_and_which_cutoff_did_what_is_in_the_run(shop: Config) -> None:
    run_id = train(shop)["run_id"]
    logged = runs.existing(shop, run_id).client.get_run(run_id)
    assert logged.data.tags["sufficiency"] in {"go", "warn"}
    first, second = split(shop.target("purchase_7d"), AS_OF, "UTC", cutoffs=2, step_days=14).training
    expected = {
        "teaching_cutoffs": str(first),
        "stopping_cutoff": str(first),
        "calibration_cutoff": str(second),
        "held_out_by": "user and cutoff",
        "folds_used": "2",
        "refitted": "True",
        "monotone": "{}",
    }
    assert logged.data.params.items() >= expected.items()


def test_one_cutoff_holds_out_users_only_and_says_so(shop: Config, tmp_path: Path) -> None:
    short = configuration(tmp_path, training={**shop.training.model_dump(), "cutoffs": 1})
    write_leak_report(short)
    run_id = train(short)["run_id"]
    assert runs.existing(short, run_id).client.get_run(run_id).data.params["held_out_by"] == "user"


def test_how_much_columns_matter_and_their_typical_values_go_with_the_model(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Trained] = []

    def kept(training: Training, tracked: Run, trained: Trained, seconds: float) -> dict[str, Any]:
        made.append(trained)
        return {"kind": "gbdt", "version": "1"}

    monkeypatch.setattr(train_gbdt, "enrol", kept)
    train(shop)
    features = made[0].classifier.features
    assert tuple(made[0].importance) == features.names
    assert max(gain for gain, _ in made[0].importance.values()) > 0
    newest = split(shop.target("purchase_7d"), AS_OF, "UTC", cutoffs=2, step_days=14).training[-1]
    samples = training_set(Lake(shop.lake_url), configured_features(shop), shop.target("purchase_7d"), [newest])
    recency = samples.matrix(np.arange(len(samples.labels)))[:, configured_features(shop).names.index("days_since_any")]
    assert made[0].typical["days_since_any"] == np.nanmedian(recency)
    assert set(features.names) <= set(made[0].typical) <= set(configured_features(shop).names)
    assert made[0].best is not None
    assert made[0].rows > len(made[0].y) == len(samples.labels)


def with_trees(shop: Config, **changes: Any) -> Config:
    settings = shop.training.model_dump()
    return configuration(shop.root, training={**settings, "gbdt": {**settings["gbdt"], **changes}})


def test_a_constraint_on_a_column_that_does_not_exist_is_refused_before_anything_is_read(shop: Config) -> None:
    with pytest.raises(ConfigError, match=r"monotone names 'events_sale_\*', but no feature is called so") as refusal:
        train(with_trees(shop, monotone={"events_purchase_*": 1, "events_sale_*": 1}))
    assert "beginning followed by" in refusal.value.mend


def test_a_level_of_a_category_is_a_column_and_the_category_is_not(shop: Config) -> None:
    source = shop.source.model_dump()
    told = configuration(
        shop.root,
        source={**source, "columns": {**source["columns"], "category": "c"}},
        features={"categories": ["Toys"]},
        training={"gbdt": {"monotone": {"top_category_is_toys": 1, "top_category": 1}}},
    )
    with pytest.raises(ConfigError, match=r"monotone names 'top_category', but no feature is called so; there are \d+"):
        train(told)


def test_constraints_of_existing_and_of_fitted_columns_are_taken(shop: Config, tmp_path: Path) -> None:
    repeating = configuration(
        tmp_path,
        features={"repeat_event": "purchase", "repeat_days": 7},
        training={**shop.training.model_dump(), "gbdt": {"rounds": 10, "monotone": {"events_purchase_*": 1, "alive_purchase": 1}}},
    )
    write_training(repeating, "purchase_7d")
    train(repeating)
    made = registry.candidates(repeating, "purchase_7d", AS_OF)[0]
    text = (registry.download(repeating, made, tmp_path) / "model.txt").read_text()
    (told,) = [line for line in text.splitlines() if line.startswith("monotone_constraints=") or "[monotone_constraints:" in line][:1]
    assert "1" in told


def test_a_device_that_is_not_there_is_a_matter_of_configuration(shop: Config) -> None:
    with pytest.raises(ConfigError, match="cannot train on 'cuda'") as refusal:
        train(with_trees(shop, device="cuda"))
    assert 'device = "cpu"' in refusal.value.mend
    assert registry.candidates(shop, "purchase_7d", AS_OF) == ()


def test_the_same_where_tuning_comes_to_the_device_first(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object, **__: object) -> GbdtParameters:
        raise DeviceRefused("LightGBM cannot train on 'cuda': no such device")

    monkeypatch.setattr("pipeline.tuning.tuned", refusing)
    settings = shop.training.model_dump()
    with pytest.raises(ConfigError, match="cannot train on 'cuda'"):
        train(configuration(shop.root, training={**settings, "tuning": {**settings["tuning"], "minutes": 1}}))


def test_rounds_are_counted_on_a_terminal_only(shop: Config, capsys: pytest.CaptureFixture[str]) -> None:
    train_gbdt.run(shop, shop.target("purchase_7d"), AS_OF, show=True)
    captured = capsys.readouterr()
    assert "boosting round" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("minutes", [0, 0.5])
def test_parameters_are_tuned_where_minutes_are_given(shop: Config, minutes: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def better(training: Training, tracked: Run, samples: Samples, parameters: GbdtParameters, *, show: bool) -> GbdtParameters:
        assert (training.target.name, len(samples.cutoffs), show) == ("purchase_7d", 2, False)
        return replace(parameters, leaves=3)

    monkeypatch.setattr(tuning, "tuned", better)
    settings = {**shop.training.model_dump(), "tuning": {"minutes": minutes}}
    run_id = train(configuration(shop.root, training=settings))["run_id"]
    logged = runs.existing(shop, run_id).client.get_run(run_id)
    assert logged.data.params["leaves"] == ("3" if minutes else "7")


@pytest.mark.parametrize(
    ("cutoffs", "words"), [(2, "0 samples with outcome 1"), (1, r"cannot be learned: The \d+ samples at .* do not have both outcomes")]
)
def test_one_outcome_only_is_not_trained(shop: Config, cutoffs: int, words: str) -> None:
    """At all training cutoffs, or at the newest, which calibrates."""
    lake, held = Lake(shop.lake_url), split(shop.target("purchase_7d"), AS_OF, "UTC", cutoffs=2, step_days=14)
    schema = pa.schema([pa.field("user_id", pa.string()), pa.field("label", pa.int8())])
    for cutoff in held.training[-cutoffs:]:
        partition = {"target": "purchase_7d", "cutoff": cutoff.key}
        found, made_from = lake.read("labels", partition, ["user_id", "label", "bucket"]), lake.metadata("labels", partition)
        nobody = pa.table({"user_id": found["user_id"], "label": pa.array([0] * len(found), pa.int8())}, schema=schema)
        chosen = nobody.filter(pa.compute.equal(found["bucket"], 0))
        part = lake.write_part("labels", {**partition, "bucket": "0"}, "nobody", chosen)
        lake.commit("labels", schema, partition, [part], metadata={"timelines_version": made_from["timelines_version"]})
    result = train(shop)
    assert not result["trained"]
    assert re.search(words, result["reason"])
    assert registry.candidates(shop, "purchase_7d", AS_OF) == ()


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
    assert [run.info.status for run in client.search_runs([experiment.experiment_id], "tags.kind = 'gbdt'")] == ["FAILED"]
