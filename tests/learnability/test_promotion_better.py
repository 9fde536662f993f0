"""A model that is better by a known amount is promoted as often as the evidence itself says it would be."""

from __future__ import annotations

import pytest

from pipeline.evaluation.challenge import Challenge
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.gates_beside_champion import lead
from pipeline.evaluation.multiplicity import ERROR, POWER, visible
from pipeline.evaluation.promotion import decide
from tests.learnability.rivals import BASELINE, Rival, at_least, at_most, evaluated, true_auc

RUNS, USERS = 200, 600
CHAMPION, BETTER = Rival("2", 1.0), Rival("3", 0.585)
EFFECT = true_auc(BETTER.noise) - true_auc(CHAMPION.noise)


@pytest.fixture(scope="module")
def found() -> list[Evidence]:
    return [evaluated(seed, USERS, BASELINE, CHAMPION, BETTER) for seed in range(1000, 1000 + RUNS)]


def challenge(each: Evidence, rule: Rule) -> Challenge:
    considered, champion = each.model(BETTER.version), each.model(CHAMPION.version)
    if considered is None:
        raise KeyError(BETTER.version)
    return Challenge(each, considered, champion, rule)


def test_the_known_effect_is_the_one_called_visible(found: list[Evidence]) -> None:
    leads = [visible(each.difference(BETTER.version, CHAMPION.version), challenge(each, Rule()).parts) for each in found]
    assert sum(leads) / RUNS == pytest.approx(EFFECT, rel=0.03)


def test_it_passes_beside_the_champion_with_the_stated_power(found: list[Evidence]) -> None:
    passed = sum(lead(challenge(each, Rule())).verdict == "passed" for each in found)
    assert at_least(RUNS, POWER) <= passed <= at_most(RUNS, POWER)


def test_the_other_gates_hardly_ever_stand_in_its_way(found: list[Evidence]) -> None:
    passed = sum(lead(challenge(each, Rule())).verdict == "passed" for each in found)
    promoted = sum(
        decide(each, CHAMPION.version, Rule()).version == BETTER.version and decide(each, CHAMPION.version, Rule()).promoted
        for each in found
    )
    assert passed - at_most(passed, Rule().slice_level) <= promoted <= passed


def test_an_effect_no_larger_than_the_minimum_is_promoted_in_at_most_the_nominal_share(found: list[Evidence]) -> None:
    assert sum(decide(each, CHAMPION.version, Rule(min_effect=EFFECT)).promoted for each in found) <= at_most(RUNS, ERROR)


def test_the_worse_one_never_replaces_it(found: list[Evidence]) -> None:
    assert not any(decide(each, BETTER.version, Rule()).promoted for each in found)
