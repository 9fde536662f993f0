from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.evaluation.decision import Decision, Gate
from pipeline.evaluation.recollection import DECISION, EVALUATION, EVIDENCE, decided, recall, without
from pipeline.tracking import runs
from tests.contest import TARGET, evidence, judge
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration

BETTER = {"1": 0.70, "2": 0.75}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    place_mlflow_store(tmp_path)
    return configuration(tmp_path)


def test_the_newest_evidence_is_recalled(config: Config) -> None:
    judge(config, {"1": 0.6})
    judge(config, BETTER)
    assert recall(config, TARGET, AS_OF)[1] == evidence(config, BETTER)


def test_evidence_of_another_training_is_not_recalled(config: Config) -> None:
    judge(config, BETTER)
    with pytest.raises(MissingInput, match=f"nightcast evaluate --target {TARGET}"):
        recall(config, TARGET, AS_OF.plus_days(1))


def break_off(config: Config) -> None:
    with runs.opened(config, TARGET, EVALUATION, {"kind": EVALUATION, "cutoff": AS_OF.key}) as run:
        run.table(EVIDENCE, evidence(config, BETTER).to_json())
        raise RuntimeError("power cut")


def test_an_evaluation_that_broke_off_is_not_recalled(config: Config) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        break_off(config)
    with pytest.raises(MissingInput, match="have not been evaluated"):
        recall(config, TARGET, AS_OF)


def test_evidence_of_another_format_asks_for_a_new_evaluation(config: Config) -> None:
    with runs.opened(config, TARGET, EVALUATION, {"kind": EVALUATION, "cutoff": AS_OF.key}) as run:
        run.table(EVIDENCE, {**evidence(config, BETTER).to_json(), "format": 1})
    with pytest.raises(MissingInput, match="by another version of Nightcast"):
        recall(config, TARGET, AS_OF)


def test_the_last_decision_by_an_evaluation_is_read_back(config: Config) -> None:
    judge(config, BETTER)
    run, _ = recall(config, TARGET, AS_OF)
    assert decided(run) is None
    decision = Decision(True, "2", "1", ("it is better",), (Gate("chance", "passed", "0.75"),))
    run.table(DECISION, Decision(False, None, None, ("nobody",)).to_json())
    run.table(DECISION, decision.to_json())
    assert decided(run) == decision


def test_withdrawn_versions_are_set_aside_with_the_reason(config: Config) -> None:
    found = evidence(config, BETTER)
    left = without(found, {"2": "it was wrong", "9": "not judged here"})
    assert ([model.version for model in left.models], left.set_aside) == (["1"], {"2": "it was wrong"})
    assert without(found, {}) == found
