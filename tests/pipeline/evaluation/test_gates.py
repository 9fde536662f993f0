from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.evaluation.challenge import Challenge
from pipeline.evaluation.decision import Gate, Rule
from pipeline.evaluation.evidence import Judged
from pipeline.evaluation.gates import baselines, chance, leaks, outcomes, sufficiency, suspicion, unseen
from tests.pipeline.evaluation.judged_models import BASELINES, EVALUATION, RECENCY, evidence, model


def challenge(
    considered: Judged, *others: Judged, champion: Judged | None = None, rule: Rule | None = None, positives: int = 200
) -> Challenge:
    return Challenge(evidence(considered, *others, positives=positives), considered, champion, rule or Rule())


@pytest.mark.parametrize(
    ("checks", "of_leaks", "of_samples"),
    [
        ({"leak_gate": "passed", "sufficiency": "go"}, "passed", "passed"),
        ({"leak_gate": "passed", "sufficiency": "warn"}, "passed", "passed"),
        ({"leak_gate": "refused", "sufficiency": "refuse"}, "failed", "failed"),
        ({"leak_gate": "passed"}, "passed", "failed"),
        ({"sufficiency": "go"}, "failed", "passed"),
        ({}, "skipped", "skipped"),
    ],
)
def test_a_training_must_have_passed_its_own_gates(checks: Mapping[str, str], of_leaks: str, of_samples: str) -> None:
    asked = challenge(replace(model("1", 0.7), checks=checks))
    assert (leaks(asked).verdict, sufficiency(asked).verdict) == (of_leaks, of_samples)


def test_what_the_training_recorded_is_repeated() -> None:
    asked = challenge(replace(model("1", 0.7), checks={"leak_gate": "passed", "sufficiency": "warn"}))
    assert leaks(asked) == Gate("leaks", "passed", "the leak gate said passed; passed is asked")
    assert sufficiency(asked) == Gate("sufficiency", "passed", "the check for enough samples said warn; go or warn is asked")


@pytest.mark.parametrize(("days", "expected"), [(-30, "passed"), (0, "passed"), (1, "failed")])
def test_who_has_learned_from_the_judged_rows_is_refused(days: int, expected: str) -> None:
    assert unseen(challenge(model("1", 0.7, labels_until=EVALUATION.plus_days(days)))).verdict == expected


@pytest.mark.parametrize(("positives", "expected"), [(19, "failed"), (20, "passed"), (980, "passed"), (981, "failed")])
def test_both_outcomes_must_be_there_often_enough(positives: int, expected: str) -> None:
    assert outcomes(challenge(model("1", 0.7), positives=positives)).verdict == expected


def test_the_lead_that_would_have_been_seen_is_told() -> None:
    """The standard error of the difference is 0.01 / 1.96 = 0.0051; 1.96 + 0.84 of them are 0.0143."""
    champion = model("2", 0.7)
    assert outcomes(challenge(model("1", 0.7), champion, champion=champion)) == Gate(
        "outcomes",
        "passed",
        "200 of 1000 users have outcome 1, 800 have not; at least 20 of each are asked; "
        "a lead of 0.0143 over version 2 (gbdt) would be seen in 80 of 100 cases",
    )
    assert "a lead of 0.0286 over chance" in outcomes(challenge(model("1", 0.7))).words
    assert "over version 4 (bg_nbd)" in outcomes(challenge(model("5", 0.7), *BASELINES)).words


def test_a_baseline_needs_outcomes_only_to_replace_somebody() -> None:
    champion = model("5", 0.7)
    assert outcomes(challenge(RECENCY, champion, positives=3)).verdict == "skipped"
    assert outcomes(challenge(RECENCY, champion, champion=champion, positives=3)).verdict == "failed"


@pytest.mark.parametrize(
    ("auc", "half", "expected"), [(0.995, 0.003, "failed"), (0.995, 0.006, "passed"), (1.0, 0.0, "failed"), (0.9, 0.01, "passed")]
)
def test_an_order_too_good_to_be_honest_is_refused(auc: float, half: float, expected: str) -> None:
    gate = suspicion(challenge(model("1", auc, half)))
    assert gate.verdict == expected
    assert ("look for a leak" in gate.words) == (expected == "failed")


@pytest.mark.parametrize(("auc", "expected"), [(0.52, "failed"), (0.521, "passed"), (0.4, "failed")])
def test_an_order_must_be_surely_better_than_chance(auc: float, expected: str) -> None:
    assert chance(challenge(model("1", auc))).verdict == expected


def test_of_two_models_that_may_be_chance_each_must_be_surer() -> None:
    assert chance(challenge(model("1", 0.521), model("2", 0.5))).verdict == "failed"


@pytest.mark.parametrize(("auc", "expected"), [(0.7299, "failed"), (0.731, "passed"), (0.6, "failed")])
def test_every_baseline_must_be_surely_beaten(auc: float, expected: str) -> None:
    gate = baselines(challenge(model("5", auc), *BASELINES))
    assert gate.verdict == expected
    assert "of version 4 (bg_nbd) on the same 1000 users" in gate.words or "closest comes version 4 (bg_nbd)" in gate.words


def test_without_baselines_there_is_none_to_beat() -> None:
    assert baselines(challenge(model("5", 0.7), model("6", 0.8))).verdict == "skipped"
