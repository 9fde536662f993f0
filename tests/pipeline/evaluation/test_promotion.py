from __future__ import annotations

from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Difference, Estimate, Evidence
from pipeline.evaluation.promotion import decide
from tests.pipeline.evaluation.judged_models import AS_OF, EVALUATION, evidence, group, model


def test_the_best_candidate_becomes_the_first_champion() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.75)), None, Rule())
    assert (decision.promoted, decision.version, decision.champion) == (True, "2", None)
    assert "there is no champion yet" in decision.reasons[0]
    assert "0.7500 [0.7300, 0.7700] on 1000 users" in decision.reasons[1]


def test_a_first_candidate_that_may_be_chance_is_refused() -> None:
    decision = decide(evidence(model("1", 0.53, half=0.03)), None, Rule())
    assert (decision.promoted, decision.version) == (False, "1")
    assert decision.reasons[0] == "version 1 (gbdt) is not promoted"
    assert "not above 0.5: it may be chance" in decision.reasons[1]


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


def test_the_best_model_that_passes_every_gate_is_promoted_not_the_best_of_all() -> None:
    knows = model("3", 0.80, labels_until=EVALUATION.plus_days(1))
    decision = decide(evidence(model("1", 0.70), model("2", 0.75), knows), "1", Rule())
    assert (decision.promoted, decision.version) == (True, "2")
    assert [gate.name for gate in decision.gates if gate.verdict == "failed"] == []
    assert "3" not in " ".join(decision.reasons[:1])


def test_a_refusal_names_every_failed_gate_of_every_model_the_one_that_comes_closest_first() -> None:
    knows = model("3", 0.76, labels_until=EVALUATION.plus_days(1))
    decision = decide(evidence(model("1", 0.75), model("2", 0.755), knows), "1", Rule(min_effect=0.01))
    assert (decision.promoted, decision.version) == (False, "2")
    assert decision.reasons[0] == "version 2 (gbdt) does not replace champion version 1 (gbdt)"
    assert [reason.partition(":")[0] for reason in decision.reasons[1:]] == [
        "version 2 (gbdt) fails at champion",
        "version 3 (gbdt) fails at unseen rows",
        "version 3 (gbdt) fails at champion",
    ]
    assert [gate.name for gate in decision.gates if gate.verdict == "failed"] == ["champion"]


def test_every_gate_is_answered_for_the_version_considered() -> None:
    decision = decide(evidence(model("1", 0.70), model("2", 0.75)), "1", Rule())
    assert {gate.name: gate.verdict for gate in decision.gates} == {
        "leaks": "skipped",
        "sufficiency": "skipped",
        "unseen rows": "passed",
        "outcomes": "passed",
        "suspicion": "passed",
        "chance": "passed",
        "baselines": "skipped",
        "champion": "passed",
        "calibration": "skipped",
        "slices": "skipped",
        "amounts": "skipped",
    }


def test_what_one_challenger_may_do_one_of_four_may_not() -> None:
    """A lead of two standard errors is enough for one; of four somebody has it by luck in one case of ten."""
    champion, others = model("1", 0.70), [model(version, 0.69) for version in "345"]
    assert decide(evidence(champion, model("2", 0.7102)), "1", Rule()).promoted
    decision = decide(evidence(champion, model("2", 0.7102), *others), "1", Rule())
    assert (decision.promoted, decision.version) == (False, "2")
    assert "its lower end, -0.0025 after dividing the chance of error by 4, is not above 0" in decision.reasons[1]


def test_a_better_model_that_was_passed_over_is_explained() -> None:
    unfair = group("Oz", "3", "1", {"auc": 1e-6})
    found = evidence(model("1", 0.70), model("2", 0.74), model("3", 0.78), slices=(unfair,))
    decision = decide(found, "1", Rule())
    assert (decision.promoted, decision.version) == (True, "2")
    assert any("version 3 (gbdt) fails at slices: it is significantly worse where segment = Oz" in why for why in decision.reasons)
