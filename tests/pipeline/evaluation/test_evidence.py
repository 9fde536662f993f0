from __future__ import annotations

import json

import numpy as np
import pytest

from features.cutoff import Cutoff
from models import metrics
from models.classifier import Floats
from pipeline.evaluation.evidence import Answers, Evidence, weigh

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)
RANDOM = np.random.default_rng(7)
Y = (RANDOM.random(200) < 0.3).astype(np.int8)
GOOD, POOR = Y + RANDOM.normal(size=200), RANDOM.normal(size=200)


def answers(version: str, raw: Floats, kind: str = "gbdt") -> Answers:
    return Answers(version, kind, EVALUATION, raw, 1 / (1 + np.exp(-raw)))


def evidence(*models: Answers) -> Evidence:
    return weigh("purchase_7d", AS_OF, EVALUATION, Y, models, {})


def test_every_model_is_judged_on_the_same_rows() -> None:
    found = evidence(answers("1", GOOD), answers("2", POOR, "sequence"))
    assert (found.rows, found.positives) == (200, int(Y.sum()))
    assert [(model.version, model.kind) for model in found.models] == [("1", "gbdt"), ("2", "sequence")]
    assert found.models[0].figures["auc"].value == metrics.auc(Y, GOOD)


def test_differences_are_paired_and_antisymmetric() -> None:
    found = evidence(answers("1", GOOD), answers("2", POOR))
    one, other = found.difference("1", "2"), found.difference("2", "1")
    assert one.value == pytest.approx(metrics.auc(Y, GOOD) - metrics.auc(Y, POOR))
    assert one.value == pytest.approx(-other.value)
    assert one.lower == pytest.approx(-(other.upper or 0))


def test_the_best_has_the_highest_auc_and_ties_go_to_the_older_version() -> None:
    assert evidence(answers("1", POOR), answers("2", GOOD)).best is not None
    best = evidence(answers("10", GOOD), answers("9", GOOD), answers("1", POOR)).best
    assert best is not None
    assert best.version == "9"


def test_a_model_without_an_answer_for_some_row_is_set_aside_with_the_number() -> None:
    broken = GOOD.copy()
    broken[:3] = np.nan
    found = evidence(answers("1", broken), answers("2", POOR))
    assert found.set_aside == {"1": "it gave no finite score for 3 of 200 users"}
    assert [model.version for model in found.models] == ["2"]
    assert found.differences == ()


def test_without_models_there_is_no_best() -> None:
    assert evidence().best is None


def test_evidence_survives_json_exactly() -> None:
    found = weigh("purchase_7d", AS_OF, EVALUATION, Y, [answers("1", GOOD), answers("2", POOR)], {"3": "other features"})
    assert Evidence.from_json(json.loads(json.dumps(found.to_json()))) == found
