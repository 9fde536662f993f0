"""A model that knows the outcomes is refused, by what its answers look like and by what its training found."""

from __future__ import annotations

import pytest

from pipeline.evaluation import contest
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.gates import leaks, suspicion
from pipeline.evaluation.gates_beside_champion import OF_MODELS
from pipeline.evaluation.promotion import decide
from tests.learnability.rivals import BASELINE, PASSED, Rival, evaluated

RUNS, USERS = 30, 600
CHAMPION = Rival("2", 1.0)
FOUND_OUT = {**PASSED, "leak_gate": "refused"}


@pytest.mark.parametrize("champion", [CHAMPION.version, None])
@pytest.mark.parametrize(
    ("leaked", "gate"),
    [
        (Rival("3", 1.0, told=6.0), "suspicion"),
        (Rival("3", 1.0, told=2.0, checks=FOUND_OUT), "leaks"),
    ],
)
def test_a_model_that_knows_the_outcome_never_scores(
    leaked: Rival, gate: str, champion: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = (BASELINE, CHAMPION, leaked) if champion else (BASELINE, leaked)
    evidence = [evaluated(seed, USERS, *rivals) for seed in range(RUNS)]
    for decision in (decide(each, champion, Rule()) for each in evidence):
        assert not (decision.promoted and decision.version == leaked.version)
        assert any(reason.startswith(f"version 3 (gbdt) fails at {gate}") for reason in decision.reasons)
    monkeypatch.setattr(contest, "OF_MODELS", tuple(each for each in OF_MODELS if each not in (leaks, suspicion)))
    fooled = [decide(each, champion, Rule()) for each in evidence]
    assert sum(decision.version == leaked.version and decision.promoted for decision in fooled) > 0.9 * RUNS


def test_a_baseline_that_knows_the_outcome_does_not_score_either() -> None:
    leaked = Rival("3", 1.0, "bg_nbd", told=6.0)
    decision = decide(evaluated(0, USERS, BASELINE, leaked), None, Rule())
    assert (decision.promoted, decision.version) == (True, BASELINE.version)
