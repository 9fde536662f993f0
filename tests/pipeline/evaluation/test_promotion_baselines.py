from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baselines import KINDS
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Judged
from pipeline.evaluation.promotion import decide
from tests.pipeline.evaluation.judged_models import BASE, BASELINES, BG_NBD, RECENCY, baseline, evidence, model


@pytest.mark.parametrize(
    ("judged", "champion", "expected"),
    [
        ((*BASELINES, model("5", 0.74)), None, (True, "5")),
        # the lead over BG/NBD alone may be chance
        ((*BASELINES, model("5", 0.725)), None, (True, "4")),
        # the better of two models does not clear the baselines, so the other cannot, either
        ((*BASELINES, model("5", 0.725), model("6", 0.71, kind="sequence")), None, (True, "4")),
        ((*BASELINES, model("5", 0.74), model("6", 0.75, kind="sequence")), None, (True, "6")),
        # nothing was trained but baselines
        (BASELINES, None, (True, "4")),
        ((BASE,), None, (True, "1")),
        # the base rate is the last resort, and yet better than an order that is upside down
        ((BASE, baseline("2", "recency", 0.5)), None, (True, "2")),
        ((BASE, baseline("2", "recency", 0.49)), None, (True, "1")),
        # a champion gives way to a model that beats it and every baseline
        ((*BASELINES, model("5", 0.74), model("9", 0.76)), "5", (True, "9")),
        ((*BASELINES, model("5", 0.74), model("9", 0.745)), "5", (False, "9")),
        ((*BASELINES, model("5", 0.70), model("9", 0.725)), "5", (True, "4")),
        ((*BASELINES, model("5", 0.715), model("9", 0.727)), "5", (False, "9")),
        # a champion that is a baseline
        ((*BASELINES, model("9", 0.74)), "4", (True, "9")),
        ((*BASELINES, model("9", 0.725)), "4", (False, "9")),
        ((*BASELINES, model("9", 0.725)), "2", (True, "4")),
        (BASELINES, "4", (False, None)),
        # a baseline replaces a model that surely loses to it, and no other
        ((*BASELINES, model("5", 0.70)), "5", (True, "4")),
        ((*BASELINES, model("5", 0.715)), "5", (False, None)),
        ((*BASELINES, model("5", 0.75)), "5", (False, None)),
        # a champion that cannot be judged is as good as none
        ((*BASELINES, model("5", 0.725)), "8", (True, "4")),
        ((*BASELINES, model("5", 0.74)), "8", (True, "5")),
    ],
)
def test_a_model_must_beat_every_baseline_and_where_none_does_the_best_baseline_scores(
    judged: tuple[Judged, ...], champion: str | None, expected: tuple[bool, str | None]
) -> None:
    decision = decide(evidence(*judged), champion, Rule())
    assert (decision.promoted, decision.version) == expected
    assert decision.champion == champion


def test_a_refused_model_is_told_which_baseline_it_does_not_beat_with_the_numbers() -> None:
    decision = decide(evidence(*BASELINES, model("5", 0.725)), None, Rule())
    assert decision.reasons == (
        "no model is significantly better than the baselines; scores come from repetition alone: "
        "how often and how recently the event came (BG/NBD)",
        "there is no champion yet",
        "version 4 (bg_nbd) has AUC 0.7200 [0.7000, 0.7400] on 1000 users",
        "version 5 (gbdt) fails at baselines: AUC 0.7250 [0.7050, 0.7450] against 0.7200 [0.7000, 0.7400] of version 4 (bg_nbd) "
        "on the same 1000 users; the paired difference is 0.0050 [-0.0050, 0.0150]; its lower end is not above 0: "
        "it is not surely better than that baseline",
    )


def test_a_promoted_model_names_the_baseline_that_comes_closest() -> None:
    decision = decide(evidence(*BASELINES, model("5", 0.74)), None, Rule())
    assert decision.reasons[0] == "there is no champion yet"
    assert "surely better than every baseline; closest comes version 4 (bg_nbd)" in decision.reasons[2]


def test_a_champion_that_loses_to_a_baseline_is_told_so() -> None:
    decision = decide(evidence(*BASELINES, model("5", 0.70)), "5", Rule())
    assert decision.reasons[0].startswith(
        "champion version 5 (gbdt) is significantly worse than version 4 (bg_nbd), and no model was judged; "
    )
    assert (
        "the paired difference is 0.0200 [0.0100, 0.0300]; its lower end, 0.0073 after dividing the chance of error by 4, is above 0"
        in decision.reasons[1]
    )


def test_a_baseline_that_may_be_chance_says_so() -> None:
    decision = decide(evidence(BASE, baseline("2", "recency", 0.51)), None, Rule())
    assert (decision.promoted, decision.version) == (True, "2")
    assert "its order may be chance" in decision.reasons[2]


def test_the_minimum_effect_counts_between_baselines_and_for_models_but_not_for_a_baseline_against_a_model() -> None:
    found = evidence(*BASELINES, model("5", 0.70), model("9", 0.74))
    assert not decide(found, "4", Rule(min_effect=0.02)).promoted
    assert decide(evidence(*BASELINES, model("5", 0.70)), "5", Rule(min_effect=0.02)).promoted
    assert not decide(evidence(*BASELINES), "2", Rule(min_effect=0.02)).promoted


def test_a_baseline_may_be_poor_but_not_leak() -> None:
    leaking = replace(BG_NBD, checks={"leak_gate": "refused"})
    decision = decide(evidence(BASE, RECENCY, leaking), None, Rule())
    assert (decision.promoted, decision.version) == (True, "2")
    assert decide(evidence(leaking), None, Rule()).reasons == (
        "no model was judged, and no baseline may score: there is no champion yet",
        "version 4 (bg_nbd) fails at leaks: the leak gate said refused; passed is asked",
    )


def test_few_outcomes_let_a_baseline_be_the_first_champion_and_no_later_one() -> None:
    found = evidence(*BASELINES, model("5", 0.60), positives=5)
    assert decide(found, None, Rule()).version == "4"
    decision = decide(found, "5", Rule())
    assert (decision.promoted, decision.version) == (False, None)
    assert "fails at outcomes: 5 of 1000 users have outcome 1" in decision.reasons[1]


@given(
    aucs=st.lists(st.integers(40, 90), min_size=1, max_size=6),
    kinds=st.lists(st.sampled_from([*KINDS, "gbdt", "sequence"]), min_size=6, max_size=6),
    champion=st.sampled_from([None, "0", "1"]),
)
def test_nobody_takes_the_alias_who_does_not_deserve_it(aucs: list[int], kinds: list[str], champion: str | None) -> None:
    judged = [model(str(number), auc / 100, kind=kinds[number]) for number, auc in enumerate(aucs)]
    found = evidence(*judged)
    decision = decide(found, champion, Rule())
    held = found.model(champion) if champion else None
    simple = [each for each in judged if each.kind in KINDS]
    if decision.promoted:
        chosen = found.model(decision.version)
        assert chosen is not None
        assert decision.version != champion
        assert held is None or found.difference(chosen.version, held.version).lower > 0
        assert chosen in simple or all(found.difference(chosen.version, each.version).lower > 0 for each in simple)
    elif simple:
        assert held is not None, "a shop with a baseline is left without scores"
