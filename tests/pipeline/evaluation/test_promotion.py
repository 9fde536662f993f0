from __future__ import annotations

from features.cutoff import Cutoff
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged
from pipeline.evaluation.promotion import decide

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)


def model(version: str, auc: float, half: float = 0.02, labels_until: Cutoff = EVALUATION) -> Judged:
    figures = {"auc": Estimate(auc, auc - half, auc + half), "log_loss": Estimate(0.5)}
    return Judged(version, "gbdt", labels_until, figures)


def evidence(*models: Judged, half: float = 0.01, set_aside: dict[str, str] | None = None) -> Evidence:
    differences = tuple(
        Difference(one.version, other.version, Estimate(gap, gap - half, gap + half))
        for one in models
        for other in models
        if one is not other
        for gap in [one.figures["auc"].value - other.figures["auc"].value]
    )
    return Evidence("purchase_7d", AS_OF, EVALUATION, 1000, 200, models, differences, set_aside or {})


def test_the_best_candidate_becomes_the_first_champion() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.75)), None, min_effect=0.0)
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", None)
    assert "there is no champion yet" in decision.reasons[0]
    assert "0.7500 [0.7300, 0.7700] on 1000 users" in decision.reasons[1]


def test_a_first_candidate_that_may_be_chance_is_refused() -> None:
    decision = decide(evidence(model("1", 0.53, half=0.03)), None, min_effect=0.0)
    assert (decision.promoted, decision.version) == (False, "1")
    assert "not above 0.5" in decision.reasons[1]


def test_a_challenger_that_surely_beats_the_champion_takes_its_place() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.72)), "1", min_effect=0.005)
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", "1")
    assert "0.0200 [0.0100, 0.0300]" in decision.reasons[1]


def test_a_challenger_whose_advantage_may_be_chance_is_refused_with_the_numbers() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.705)), "1", min_effect=0.0)
    assert not decision.promoted
    assert "0.0050 [-0.0050, 0.0150]; its lower end is not above 0" in decision.reasons[1]


def test_an_advantage_below_the_minimum_effect_is_refused() -> None:
    assert not decide(evidence(model("1", 0.70), model("2", 0.72)), "1", min_effect=0.011).promoted


def test_a_lower_end_exactly_at_the_minimum_effect_is_refused() -> None:
    found = Evidence(
        "purchase_7d",
        AS_OF,
        EVALUATION,
        1000,
        200,
        (model("1", 0.7), model("2", 0.8)),
        (Difference("2", "1", Estimate(0.1, 0.05, 0.2)),),
        {},
    )
    assert not decide(found, "1", min_effect=0.05).promoted


def test_the_champion_is_no_challenger_of_itself() -> None:
    decision = decide(evidence(model("1", 0.75)), "1", min_effect=0.0)
    assert (decision.promoted, decision.version, decision.champion) == (False, None, "1")
    assert decision.reasons == ("no candidate besides the champion, version 1",)


def test_a_worse_candidate_never_replaces_the_champion() -> None:
    decision = decide(evidence(model("1", 0.75), model("2", 0.70)), "1", min_effect=0.0)
    assert (decision.promoted, decision.version) == (False, "2")


def test_a_champion_that_may_have_learned_these_outcomes_makes_every_comparison_unfair() -> None:
    later = model("1", 0.70, labels_until=EVALUATION.plus_days(1))
    decision = decide(evidence(later, model("2", 0.90)), "1", min_effect=0.0)
    assert not decision.promoted
    assert "learned from outcomes up to 2026-05-26T00:00:00Z, after the evaluation cutoff 2026-05-25T00:00:00Z" in decision.reasons[0]


def test_a_champion_that_learned_up_to_the_evaluation_cutoff_is_compared() -> None:
    assert decide(evidence(model("1", 0.70), model("2", 0.90)), "1", min_effect=0.0).promoted


def test_a_champion_that_cannot_be_judged_gives_way_to_a_candidate_better_than_chance() -> None:
    decision = decide(evidence(model("2", 0.70), set_aside={"1": "it reads other features"}), "1", min_effect=0.0)
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", "1")
    assert "champion version 1 cannot be judged" in decision.reasons[0]
    assert "version 1 was set aside: it reads other features" in decision.reasons


def test_without_any_judged_candidate_nothing_is_promoted() -> None:
    decision = decide(evidence(set_aside={"1": "no scores"}), None, min_effect=0.0)
    assert (decision.promoted, decision.version) == (False, None)
