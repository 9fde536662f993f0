from __future__ import annotations

import json

import numpy as np

from features.cutoff import Cutoff
from models.classifier import Floats
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Evidence

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)
RANDOM = np.random.default_rng(7)
Y = (RANDOM.random(200) < 0.3).astype(np.int8)
GOOD, POOR = Y + RANDOM.normal(size=200), RANDOM.normal(size=200)


def answers(version: str, raw: Floats, kind: str = "gbdt") -> Answers:
    return Answers(version, kind, EVALUATION, raw, 1 / (1 + np.exp(-raw)))


def evidence(*models: Answers) -> Evidence:
    return weigh("purchase_7d", AS_OF, EVALUATION, Y, models, {})


def test_the_best_has_the_highest_auc_and_ties_go_to_the_older_version() -> None:
    assert evidence(answers("1", POOR), answers("2", GOOD)).best is not None
    best = evidence(answers("10", GOOD), answers("9", GOOD), answers("1", POOR)).best
    assert best is not None
    assert best.version == "9"


def test_without_models_there_is_no_best() -> None:
    assert evidence().best is None


def test_evidence_survives_json_exactly() -> None:
    found = weigh("purchase_7d", AS_OF, EVALUATION, Y, [answers("1", GOOD), answers("2", POOR)], {"3": "other features"})
    assert Evidence.from_json(json.loads(json.dumps(found.to_json()))) == found
