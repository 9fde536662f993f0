"""A model that is better over all users and worse for one group of them is refused, and the group is named."""

from __future__ import annotations

import pytest

from pipeline.evaluation import contest
from pipeline.evaluation.decision import Decision, Rule
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.gates_beside_champion import OF_MODELS, slices
from pipeline.evaluation.promotion import decide
from tests.learnability.rivals import BASELINE, Rival, at_least, at_most, evaluated

RUNS, USERS = 100, 1800
CHAMPION, UNFAIR = Rival("2", 1.0), Rival("3", 0.2, elsewhere={"Oz": 2.5})
REFUSED = 0.9
"""Share of the runs in which the group's users are enough to see it."""


@pytest.fixture(scope="module")
def found() -> list[Evidence]:
    return [evaluated(seed, USERS, BASELINE, CHAMPION, UNFAIR) for seed in range(2000, 2000 + RUNS)]


def failed(decision: Decision) -> dict[str, str]:
    return {gate.name: gate.words for gate in decision.gates if gate.verdict == "failed"}


def test_it_is_refused_and_the_group_is_named(found: list[Evidence]) -> None:
    decisions = [decide(each, CHAMPION.version, Rule()) for each in found]
    named = [failed(decision).get("slices", "") for decision in decisions]
    assert sum(not decision.promoted for decision in decisions) >= at_least(RUNS, REFUSED)
    assert sum("segment = Oz" in words for words in named) >= at_least(RUNS, REFUSED)
    assert sum("segment = Narnia" in words or "segment = Utopia" in words for words in named) <= at_most(RUNS, Rule().slice_level)
    assert decisions[0].reasons[0] == "version 3 (gbdt) does not replace champion version 2 (gbdt)"
    words = "version 3 (gbdt) fails at slices: it is significantly worse where segment = Oz (600 users): "
    assert decisions[0].reasons[1].startswith(words)


def test_without_that_gate_it_would_score(found: list[Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "OF_MODELS", tuple(gate for gate in OF_MODELS if gate is not slices))
    assert sum(decide(each, CHAMPION.version, Rule()).promoted for each in found) >= at_least(RUNS, REFUSED)
