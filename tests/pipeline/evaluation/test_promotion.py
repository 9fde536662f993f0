from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cutoff import Cutoff
from models.baselines import KINDS
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged
from pipeline.evaluation.promotion import ALONE, decide

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)


def model(version: str, auc: float, half: float = 0.02, labels_until: Cutoff = EVALUATION, kind: str = "gbdt") -> Judged:
    figures = {"auc": Estimate(auc, auc - half, auc + half), "log_loss": Estimate(0.5)}
    return Judged(version, kind, labels_until, figures)


def baseline(version: str, kind: str, auc: float) -> Judged:
    return model(version, auc, half=0.0 if kind == "base_rate" else 0.02, kind=kind)


def evidence(*models: Judged, half: float = 0.01, set_aside: dict[str, str] | None = None) -> Evidence:
    differences = tuple(
        Difference(one.version, other.version, {"auc": Estimate(gap, gap - half, gap + half)})
        for one in models
        for other in models
        if one is not other
        for gap in [one.figures["auc"].value - other.figures["auc"].value]
    )
    return Evidence("purchase_7d", AS_OF, EVALUATION, 1000, 200, models, differences, set_aside or {})


def test_the_best_candidate_becomes_the_first_champion() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.75)), None, Rule())
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", None)
    assert "there is no champion yet" in decision.reasons[0]
    assert "0.7500 [0.7300, 0.7700] on 1000 users" in decision.reasons[1]


def test_a_first_candidate_that_may_be_chance_is_refused() -> None:
    decision = decide(evidence(model("1", 0.53, half=0.03)), None, Rule())
    assert (decision.promoted, decision.version) == (False, "1")
    assert "not above 0.5: it may be chance" in decision.reasons[0]


def test_a_challenger_that_surely_beats_the_champion_takes_its_place() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.72)), "1", Rule(min_effect=0.005))
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", "1")
    assert "0.0200 [0.0100, 0.0300]" in decision.reasons[1]


def test_a_challenger_whose_advantage_may_be_chance_is_refused_with_the_numbers() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.705)), "1", Rule())
    assert not decision.promoted
    assert "0.0050 [-0.0050, 0.0150]; its lower end is not above 0" in decision.reasons[1]


def test_an_advantage_below_the_minimum_effect_is_refused() -> None:
    assert not decide(evidence(model("1", 0.70), model("2", 0.72)), "1", Rule(min_effect=0.011)).promoted


def test_a_lower_end_exactly_at_the_minimum_effect_is_refused() -> None:
    found = Evidence(
        "purchase_7d",
        AS_OF,
        EVALUATION,
        1000,
        200,
        (model("1", 0.7), model("2", 0.8)),
        (Difference("2", "1", {"auc": Estimate(0.1, 0.05, 0.2)}),),
        {},
    )
    assert not decide(found, "1", Rule(min_effect=0.05)).promoted


BASE, RECENCY, DAYS, BG_NBD = (
    baseline("1", "base_rate", 0.5),
    baseline("2", "recency", 0.70),
    baseline("3", "active_days", 0.68),
    baseline("4", "bg_nbd", 0.72),
)
BASELINES = (BASE, RECENCY, DAYS, BG_NBD)


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
        "version 5 (gbdt) has AUC 0.7250 [0.7050, 0.7450], version 4 (bg_nbd) has 0.7200 [0.7000, 0.7400] on the same 1000 users; "
        "the paired difference is 0.0050 [-0.0050, 0.0150]; it is not surely better than that baseline",
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
    assert "the paired difference is 0.0200 [0.0100, 0.0300]; its lower end is above 0" in decision.reasons[1]


def test_a_baseline_that_may_be_chance_says_so() -> None:
    decision = decide(evidence(BASE, baseline("2", "recency", 0.51)), None, Rule())
    assert (decision.promoted, decision.version) == (True, "2")
    assert "its order may be chance" in decision.reasons[2]


def test_the_minimum_effect_counts_between_baselines_and_for_models_but_not_for_a_baseline_against_a_model() -> None:
    found = evidence(*BASELINES, model("5", 0.70), model("9", 0.74))
    assert not decide(found, "4", Rule(min_effect=0.02)).promoted
    assert decide(evidence(*BASELINES, model("5", 0.70)), "5", Rule(min_effect=0.02)).promoted
    assert not decide(evidence(*BASELINES), "2", Rule(min_effect=0.02)).promoted


def test_every_kind_of_baseline_says_where_its_scores_come_from() -> None:
    assert ALONE.keys() == set(KINDS)


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


def test_the_champion_is_no_challenger_of_itself() -> None:
    decision = decide(evidence(model("1", 0.75)), "1", Rule())
    assert (decision.promoted, decision.version, decision.champion) == (False, None, "1")
    assert decision.reasons == ("no candidate besides the champion, version 1",)


def test_a_worse_candidate_never_replaces_the_champion() -> None:
    decision = decide(evidence(model("1", 0.75), model("2", 0.70)), "1", Rule())
    assert (decision.promoted, decision.version) == (False, "2")


def test_a_champion_that_may_have_learned_these_outcomes_makes_every_comparison_unfair() -> None:
    later = model("1", 0.70, labels_until=EVALUATION.plus_days(1))
    decision = decide(evidence(later, model("2", 0.90)), "1", Rule())
    assert not decision.promoted
    assert "learned from outcomes up to 2026-05-26T00:00:00Z, after the evaluation cutoff 2026-05-25T00:00:00Z" in decision.reasons[0]


def test_a_champion_that_learned_up_to_the_evaluation_cutoff_is_compared() -> None:
    assert decide(evidence(model("1", 0.70), model("2", 0.90)), "1", Rule()).promoted


def test_a_champion_that_cannot_be_judged_gives_way_to_a_candidate_better_than_chance() -> None:
    decision = decide(evidence(model("2", 0.70), set_aside={"1": "it reads other features"}), "1", Rule())
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", "1")
    assert "champion version 1 cannot be judged" in decision.reasons[0]
    assert "version 1 was set aside: it reads other features" in decision.reasons


def test_without_any_judged_candidate_nothing_is_promoted() -> None:
    decision = decide(evidence(set_aside={"1": "no scores"}), None, Rule())
    assert (decision.promoted, decision.version) == (False, None)


def unrankable(*judged: Judged, unranked: tuple[str, ...] = (), unfit: tuple[str, ...] = (), positives: int = 0) -> Evidence:
    """Of 37 users too few have an outcome; `unranked` could answer all the same, `unfit` could not."""
    apart = tuple(
        Difference(one.version, other.version, {"auc": Estimate(0.0, -1.0, 1.0)}) for one in judged for other in judged if one is not other
    )
    aside = dict.fromkeys(unranked, "users cannot be ranked") | dict.fromkeys(unfit, "it reads other features")
    return Evidence("purchase_7d", AS_OF, EVALUATION, 37, positives, judged, apart, aside, unranked)


def level(version: str, labels_until: Cutoff = EVALUATION) -> Judged:
    figures = {"auc": Estimate(0.5, 0.0, 1.0), "log_loss": Estimate(0.1)}
    return Judged(version, "base_rate", labels_until, figures)


@pytest.mark.parametrize("positives", [0, 1, 36, 37])
@pytest.mark.parametrize(
    ("judged", "unranked", "unfit", "champion", "expected"),
    [
        # a newborn shop gets the base rate, whatever else was trained
        ((level("1"),), (), (), None, (True, "1")),
        ((level("1"),), ("2", "3"), (), None, (True, "1")),
        # a champion that is fit to answer stays
        ((level("1"),), ("2", "8"), (), "8", (False, None)),
        ((level("1"), level("8")), (), (), "8", (False, None)),
        ((level("1"), level("8", AS_OF)), (), (), "8", (False, None)),
        ((level("8"),), ("2",), (), "8", (False, None)),
        # a champion that is not is as good as none
        ((level("1"),), ("2",), ("8",), "8", (True, "1")),
        # nothing is promoted that was not judged
        ((), ("2",), (), None, (False, None)),
        ((), ("2",), ("8",), "8", (False, None)),
    ],
)
def test_where_users_cannot_be_ranked_a_champion_stays_and_without_one_the_base_rate_scores(
    judged: tuple[Judged, ...],
    unranked: tuple[str, ...],
    unfit: tuple[str, ...],
    champion: str | None,
    expected: tuple[bool, str | None],
    positives: int,
) -> None:
    decision = decide(unrankable(*judged, unranked=unranked, unfit=unfit, positives=positives), champion, Rule())
    assert (decision.promoted, decision.version) == expected
    assert decision.champion == champion


FEW = (
    "there are too few outcomes to say which model is better: 0 of 37 users have outcome 1 at 2026-05-25T00:00:00Z, "
    "and it takes at least 2 with it and without it"
)


def test_the_base_rate_of_a_newborn_shop_says_why_and_where_its_scores_come_from() -> None:
    decision = decide(unrankable(level("1"), unranked=("2",)), None, Rule())
    assert decision.reasons == (
        f"{FEW}; scores come from the share of all users alone, the same for everybody",
        "there is no champion yet",
        "version 1 (base_rate) has AUC 0.5000 [0.0000, 1.0000] on 37 users; its order may be chance",
        "version 2 was set aside: users cannot be ranked",
    )


def test_a_champion_that_stays_for_want_of_outcomes_says_so() -> None:
    decision = decide(unrankable(level("1"), unranked=("8",)), "8", Rule())
    assert decision.reasons == (
        f"{FEW}; champion version 8 stays, for being unable to compare is no reason to replace it",
        "version 8 was set aside: users cannot be ranked",
    )
