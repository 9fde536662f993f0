from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from mlflow.models import Model

from features.cutoff import Cutoff
from models import gbdt
from models.baselines import BaseRate
from models.classifier import NotLearnable
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import LeakFound, MissingInput, NotEnoughData
from pipeline.lake import Lake
from pipeline.scoring.enrolment import Trained, Training, enrol, opened
from pipeline.tracking import registry
from pipeline.tracking.runs import read_table
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration, write_events, write_leak_report, write_training

Y = np.tile(np.array([0, 0, 1], dtype=np.int8), 40)


@pytest.fixture
def training(tmp_path: Path) -> Training:
    place_mlflow_store(tmp_path)
    config: Config = configuration(tmp_path)
    write_events(config, users=12)
    write_training(config, "purchase_7d")
    return training_as_of(config, AS_OF)


def training_as_of(config: Config, as_of: Cutoff) -> Training:
    target = config.target("purchase_7d")
    return Training(config, target, as_of, config.split(target, as_of), configured_features(config))


def trained(classifier: gbdt.Gbdt) -> Trained:
    raw = Y + np.random.default_rng(7).normal(size=len(Y))
    return Trained(
        classifier,
        {"recency": "{value} days since the last event"},
        Y,
        raw,
        len(Y),
        int(Y.sum()),
        {"rounds": 20},
        {"held_out": [0.7, 0.6]},
        "round",
        best=2,
        importance={"recency": (12.0, 0.3), "tenure": (4.0, 0.1)},
    )


def trained_baseline() -> Trained:
    return Trained(BaseRate(-0.7), {}, Y, np.full(len(Y), -0.7), len(Y), int(Y.sum()), {}, {}, "")


def test_the_version_says_what_taught_it_and_until_when(training: Training, classifier: gbdt.Gbdt) -> None:
    with opened(training, "gbdt") as run:
        result = enrol(training, run, trained(classifier), 1.25)
    (made,) = registry.candidates(training.config, "purchase_7d", AS_OF)
    assert (made.version, made.kind, made.cutoff, made.fingerprint) == (result["version"], "gbdt", AS_OF, training.features.fingerprint)
    assert (made.newest_training_cutoff, made.labels_until) == (AS_OF.plus_days(-14), AS_OF.plus_days(-7))
    assert (result["rows"], result["positives"], result["seconds"]) == (120, 40, 1.25)


def test_samples_that_cannot_teach_are_not_enough_data_and_the_run_has_failed(training: Training) -> None:
    with pytest.raises(NotEnoughData, match="cannot be learned: 3 users"), opened(training, "gbdt") as run:
        raise NotLearnable("3 users")
    assert run.client.get_run(run.id).info.status == "FAILED"


def test_the_same_data_have_the_same_digest_whoever_reads_them_and_other_cutoffs_another(training: Training) -> None:
    digests = []
    other = training_as_of(training.config, AS_OF.plus_days(-7))
    write_training(training.config, "purchase_7d", other.as_of)
    for each, kind in ((training, "gbdt"), (training, "recency"), (other, "gbdt")):
        with opened(each, kind) as run:
            pass
        digests.append({entry.dataset.name: entry.dataset.digest for entry in run.client.get_run(run.id).inputs.dataset_inputs})
    assert digests[0] == digests[1]
    assert not set(digests[0].values()) & set(digests[2].values())


def test_the_run_holds_the_report_of_the_leak_gate(training: Training) -> None:
    with opened(training, "gbdt") as run:
        pass
    (row,) = read_table(run, "leak_check.json")["checks"]
    assert (row["check"], row["passed"]) == ("truncation", True)
    assert run.client.get_run(run.id).data.tags["leak_gate"] == "passed"


def test_nothing_is_trained_on_what_the_leak_gate_refused(training: Training) -> None:
    write_leak_report(training.config, passed=False)
    with pytest.raises(LeakFound, match="truncation, all features: a literal finding"), opened(training, "gbdt"):
        pytest.fail("the training was let in")


def test_nothing_is_trained_on_what_the_leak_gate_has_not_judged(training: Training) -> None:
    fewer = configuration(training.config.root, windows={"lookback_days": 60, "days": (7,)})
    write_leak_report(fewer)
    with pytest.raises(MissingInput, match=r"another fingerprint(.|\n)*nightcast check-leaks --cutoff"), opened(training, "gbdt"):
        pytest.fail("the training was let in")


def test_the_run_names_the_tables_it_read_by_version_and_cutoffs(training: Training) -> None:
    lake = Lake(training.config.lake_url)
    with opened(training, "gbdt") as run:
        pass
    found = {entry.dataset.name: entry.dataset for entry in run.client.get_run(run.id).inputs.dataset_inputs}
    assert sorted(found) == sorted([training.features.table, "labels"])
    for table, entry in found.items():
        assert json.loads(entry.source) == {"path": lake.uri(table), "delta_table_version": lake.version(table)}
        assert json.loads(entry.profile)["cutoffs"] == [str(cutoff) for cutoff in training.split.training]
    assert len(json.loads(found[training.features.table].schema)["mlflow_colspec"]) == len(training.features.names)


def test_a_run_holds_what_a_person_looks_for(training: Training, classifier: gbdt.Gbdt) -> None:
    with opened(training, "gbdt") as run:
        enrol(training, run, trained(classifier), 1.25)
    data = run.client.get_run(run.id).data
    assert {"out_of_fold_auc", "out_of_fold_log_loss", "out_of_fold_ece", "calibration_platt_log_loss", "seconds"} <= set(data.metrics)
    assert {"calibrator", "rounds", "as_of", "version_lightgbm", "evaluation_cutoff"} <= set(data.params)
    assert "**Gradient-boosted trees for purchase_7d, as of 2026-04-11**" in data.tags["mlflow.note.content"]
    pictures = {entry.path.removeprefix("figures/") for entry in run.client.list_artifacts(run.id, "figures")}
    assert pictures == {
        "roc.png",
        "precision_recall.png",
        "lift.png",
        "calibration.png",
        "scores.png",
        "learning_curve.png",
        "feature_importance.png",
    }
    assert read_table(run, "feature_importance.json")["data"][0] == ["recency", 0.3, 12.0, "… days since the last event"]


def test_a_version_of_trees_is_called_with_features_and_one_of_a_network_with_events(training: Training, classifier: gbdt.Gbdt) -> None:
    @dataclass(frozen=True)
    class Network(gbdt.Gbdt):
        kind = "sequence"

    network = Network(classifier.booster, classifier.features)
    signatures = []
    for each in (classifier, network):
        with opened(training, each.kind) as run:
            enrol(training, run, replace(trained(classifier), classifier=each), 1.0)
        (output,) = run.client.get_run(run.id).outputs.model_outputs
        folder = Path(run.client.get_logged_model(output.model_id).artifact_location.removeprefix("file://"))
        signatures.append(Model.load(str(folder)).signature)
    assert signatures[0].inputs.input_names() == list(training.features.names)
    assert {"cutoff", "event_time", "event_type", "item_id", "category", "value"} <= set(signatures[1].inputs.input_names())


def test_of_a_baseline_only_its_probabilities_are_drawn(training: Training) -> None:
    with opened(training, "base_rate") as run:
        enrol(training, run, trained_baseline(), 0.1)
    assert [entry.path for entry in run.client.list_artifacts(run.id, "figures")] == ["figures/calibration.png", "figures/scores.png"]


def test_the_candidates_of_a_training_are_below_one_run(training: Training) -> None:
    below = []
    for kind in ("gbdt", "recency"):
        with opened(training, kind) as run:
            below.append(run.client.get_run(run.id).data.tags["mlflow.parentRunId"])
    client = run.client
    parent, last = (client.get_run(each) for each in (below[0], run.id))
    assert below[1] == parent.info.run_id
    assert parent.info.run_name == "training 2026-04-11"
    assert parent.info.end_time >= last.info.end_time


def test_calibration_rows_of_one_outcome_are_no_obstacle_to_a_base_rate(training: Training, classifier: gbdt.Gbdt) -> None:
    alike = replace(trained(classifier), y=np.zeros(len(Y), dtype=np.int8))
    with opened(training, "gbdt") as run:
        result = enrol(training, run, alike, 1.0)
    assert result["auc_out_of_fold"] is None
    assert result["version"] == "1"
    assert "nothing can be ranked" in run.client.get_run(run.id).data.tags["mlflow.note.content"]


def test_no_user_is_named_in_anything_that_is_logged(training: Training, classifier: gbdt.Gbdt) -> None:
    with opened(training, "gbdt") as run:
        enrol(training, run, trained(classifier), 1.0)
    logged = run.client.get_run(run.id)
    said = [*logged.data.params.values(), *logged.data.tags.values(), *(entry.dataset.profile for entry in logged.inputs.dataset_inputs)]
    files = [path.read_bytes() for path in (training.config.root / "mlartifacts").rglob("*") if path.is_file()]
    assert len(files) > 12
    assert not [found for found in (*(text.encode() for text in said), *files) if b"user-0" in found]
