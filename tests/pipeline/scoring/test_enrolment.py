from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.cutoff import Cutoff
from models import gbdt
from models.classifier import NotLearnable
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import LeakFound, MissingInput, NotEnoughData
from pipeline.scoring.enrolment import Trained, Training, enrol, numbered, opened, require_enough
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
    return Trained(classifier, {}, Y, raw, len(Y), int(Y.sum()), {"rounds": 20}, {"held_out": [0.7, 0.6]}, "round")


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


def test_the_same_data_have_the_same_digest_and_other_cutoffs_another(training: Training) -> None:
    digests = []
    other = training_as_of(training.config, AS_OF.plus_days(-7))
    write_training(training.config, "purchase_7d", other.as_of)
    for each in (training, training, other):
        with opened(each, "gbdt") as run:
            pass
        (entry,) = run.client.get_run(run.id).inputs.dataset_inputs
        digests.append(entry.dataset.digest)
    assert digests[0] == digests[1] != digests[2]


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


def test_both_outcomes_must_occur_often_enough(training: Training) -> None:
    require_enough(training, np.array([0, 1] * 20, dtype=np.int8))
    with pytest.raises(NotEnoughData, match="has 19 samples with outcome 1 and 21 with outcome 0"):
        require_enough(training, np.array([0, 1] * 19 + [0, 0], dtype=np.int8))
    with pytest.raises(NotEnoughData, match="has 40 samples with outcome 1 and 0 with outcome 0"):
        require_enough(training, np.ones(40, dtype=np.int8))


def test_users_are_numbered_by_their_ids() -> None:
    assert numbered(np.array(["b", "a", "b", "c"], dtype=object)).tolist() == [1, 0, 1, 2]
