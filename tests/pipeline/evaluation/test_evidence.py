from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from features.cutoff import Cutoff
from models.classifier import Floats
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Slice, rankable

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


@pytest.mark.parametrize(
    ("positives", "rows", "expected"),
    [(0, 0, False), (0, 9, False), (1, 9, False), (2, 9, True), (7, 9, True), (8, 9, False), (9, 9, False), (2, 4, True), (1, 3, False)],
)
def test_two_users_of_each_outcome_can_be_ranked(positives: int, rows: int, expected: bool) -> None:
    assert rankable(positives, rows) is expected
    assert replace(evidence(), positives=positives, rows=rows).rankable is expected


def test_evidence_of_rows_that_cannot_rank_survives_json() -> None:
    models = [answers("1", np.zeros(200), "base_rate"), answers("2", GOOD)]
    found = weigh("purchase_7d", AS_OF, EVALUATION, np.zeros_like(Y), models, {"3": "other features"})
    assert found.unranked == ("2",)
    assert Evidence.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_evidence_of_an_earlier_format_is_refused() -> None:
    content = weigh("purchase_7d", AS_OF, EVALUATION, Y, [answers("1", GOOD)], {}).to_json()
    del content["format"]
    with pytest.raises(ValueError, match="format 1; format 2 is read"):
        Evidence.from_json(content)


def test_a_pair_can_be_seen_from_either_side() -> None:
    pair = Difference("1", "2", {"auc": Estimate(0.1, 0.05, 0.2), "log_loss": Estimate(-0.3)}, {"auc": 0.99})
    found = replace(evidence(), differences=(pair,))
    assert found.between("1", "2") == pair
    assert found.between("2", "1").figures == {"auc": Estimate(-0.1, -0.2, -0.05), "log_loss": Estimate(0.3)}
    assert found.between("2", "1").worse["auc"] == pytest.approx(0.01)
    with pytest.raises(KeyError, match="1 and 3"):
        found.between("1", "3")


def test_a_slice_that_was_not_judged_has_no_differences() -> None:
    assert Slice("segment", "Malta", 12, 3, too_small="12 users").difference("1", "2") is None
    assert Slice("segment", "Malta", 12, 3).name == "segment = Malta"


def test_evidence_survives_json_exactly() -> None:
    found = weigh("purchase_7d", AS_OF, EVALUATION, Y, [answers("1", GOOD), answers("2", POOR)], {"3": "other features"})
    assert Evidence.from_json(json.loads(json.dumps(found.to_json()))) == found
