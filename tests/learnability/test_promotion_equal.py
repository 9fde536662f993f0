"""Nobody who is no better is promoted more often than the rule says, by however many figures, groups and challengers luck may come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.evaluation import contest, gates_beside_champion
from pipeline.evaluation.challenge import Challenge
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.gates_beside_champion import OF_MODELS, lead, slices
from pipeline.evaluation.multiplicity import ERROR
from pipeline.evaluation.promotion import decide
from tests.learnability.rivals import BASELINE, Rival, among, at_most, evaluated

RUNS, USERS, NOISE = 200, 600, 1.0
CHAMPION, EQUALS = "2", ("3", "4", "5", "6")


@pytest.fixture(scope="module")
def equal() -> list[Evidence]:
    """A champion and four challengers that are equally good, and a poor baseline."""
    return [evaluated(seed, USERS, BASELINE, *(Rival(version, NOISE) for version in (CHAMPION, *EQUALS))) for seed in range(RUNS)]


def promoted(found: list[Evidence], champion: str | None = CHAMPION) -> int:
    return sum(decide(each, champion, Rule()).promoted for each in found)


def test_of_two_equal_models_the_challenger_is_promoted_in_at_most_the_nominal_share(equal: list[Evidence]) -> None:
    assert promoted([among(each, CHAMPION, EQUALS[0]) for each in equal]) <= at_most(RUNS, ERROR)


def test_of_four_equal_challengers_together_no_more_are_promoted_than_of_one(equal: list[Evidence]) -> None:
    assert promoted(equal) <= at_most(RUNS, ERROR)


def test_four_models_as_good_as_a_baseline_do_not_become_the_first_champion(equal: list[Evidence]) -> None:
    def simple(each: Evidence) -> Evidence:
        models = (replace(model, kind="bg_nbd") if model.version == CHAMPION else model for model in each.models)
        return replace(each, models=tuple(models))

    decisions = [decide(simple(each), None, Rule()) for each in equal]
    assert all(decision.promoted for decision in decisions)
    assert sum(decision.version in EQUALS for decision in decisions) <= at_most(RUNS, ERROR)


def test_a_baseline_as_good_as_the_champion_does_not_replace_it(equal: list[Evidence]) -> None:
    def simple(each: Evidence) -> Evidence:
        models = (model if model.version == CHAMPION else replace(model, kind="bg_nbd") for model in each.models)
        return replace(each, models=tuple(models))

    assert promoted([simple(each) for each in equal]) <= at_most(RUNS, ERROR)


def test_an_equal_model_is_refused_for_a_group_in_at_most_the_nominal_share(equal: list[Evidence]) -> None:
    assert refused_for_a_group(equal) <= at_most(RUNS, Rule().slice_level)


def refused_for_a_group(found: list[Evidence]) -> int:
    return sum(slices(beside(each)).verdict == "failed" for each in found)


def beside(each: Evidence) -> Challenge:
    considered, champion = each.model(EQUALS[0]), each.model(CHAMPION)
    if considered is None:
        raise KeyError(EQUALS[0])
    return Challenge(each, considered, champion, Rule())


class TestTheSimulationNoticesABrokenRule:
    """Each of the bounds above is passed by far if what keeps it is taken away."""

    def test_without_the_gate_beside_the_champion(self, equal: list[Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(contest, "OF_MODELS", tuple(gate for gate in OF_MODELS if gate is not lead))
        assert promoted([among(each, CHAMPION, EQUALS[0]) for each in equal]) > 5 * at_most(RUNS, ERROR)

    def test_without_dividing_the_chance_of_error(self, equal: list[Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Challenge, "parts", 1)
        assert promoted(equal) > at_most(RUNS, ERROR)

    def test_without_the_test_over_all_groups_together(self, equal: list[Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gates_beside_champion, "holm", lambda p, level: tuple(each <= level for each in p))
        assert refused_for_a_group(equal) > at_most(RUNS, Rule().slice_level)
