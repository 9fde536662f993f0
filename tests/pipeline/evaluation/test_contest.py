from __future__ import annotations

from pipeline.evaluation.contest import challengers, contest
from pipeline.evaluation.decision import Rule
from tests.pipeline.evaluation.judged_models import BG_NBD, RECENCY, evidence, model


def test_models_challenge_before_baselines_and_the_best_first() -> None:
    found = evidence(RECENCY, model("7", 0.60), BG_NBD, model("8", 0.72), model("9", 0.66))
    order = [each.version for each in challengers(found, "9")]
    assert order[:2] == ["8", "7"]
    assert set(order[2:]) == {RECENCY.version, BG_NBD.version}


def test_everybody_has_gates_and_says_what_failed() -> None:
    weak, strong = model("1", 0.60), model("9", 0.72)
    found = evidence(weak, strong, RECENCY)
    between = contest(found, "9", strong, challengers(found, "9"), Rule())
    (tried,) = between.models
    assert (tried.model, between.held) == (weak, strong)
    assert "champion" in {gate.name for gate in tried.failed}
    assert all(why.startswith("version 1 (gbdt) fails at ") for why in between.shortfalls)
    assert len(between.shortfalls) == len(tried.failed)
    assert [each.model for each in between.baselines] == [RECENCY]
