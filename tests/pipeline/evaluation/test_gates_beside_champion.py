from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.evaluation.challenge import Challenge
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Estimate, Judged, Slice
from pipeline.evaluation.gates_beside_champion import OF_BASELINES, OF_MODELS, amounts, calibration, lead, slices
from tests.pipeline.evaluation.judged_models import BG_NBD, RECENCY, around, evidence, group, model

CHAMPION, CHALLENGER = model("1", 0.70), model("2", 0.72)


def beside(
    challenger: Judged = CHALLENGER,
    champion: Judged | None = CHAMPION,
    apart: dict[str, Estimate] | None = None,
    found: tuple[Slice, ...] = (),
    rule: Rule | None = None,
) -> Challenge:
    judged = (challenger, champion) if champion else (challenger,)
    return Challenge(evidence(*judged, apart=apart, slices=found), challenger, champion, rule or Rule())


@pytest.mark.parametrize(
    ("challenger", "champion", "min_effect", "expected"),
    [
        (0.711, CHAMPION, 0.0, "passed"),
        (0.7099, CHAMPION, 0.0, "failed"),
        (0.72, CHAMPION, 0.005, "passed"),
        (0.72, CHAMPION, 0.02, "failed"),
        (0.5, None, 0.02, "skipped"),
    ],
)
def test_the_lead_over_the_champion_must_surely_exceed_the_minimum_effect(
    challenger: float, champion: Judged | None, min_effect: float, expected: str
) -> None:
    assert lead(beside(model("2", challenger), champion, rule=Rule(min_effect=min_effect))).verdict == expected


@pytest.mark.parametrize(("champion", "expected"), [(CHAMPION, "passed"), (RECENCY, "failed")])
def test_a_baseline_needs_no_minimum_effect_against_a_model(champion: Judged, expected: str) -> None:
    assert lead(beside(BG_NBD, champion, rule=Rule(min_effect=0.015))).verdict == expected


@pytest.mark.parametrize(
    ("ece", "expected"),
    [
        (Estimate(0.07, 0.04, 0.10), "passed"),
        (Estimate(0.07, 0.05, 0.10), "passed"),
        (Estimate(0.08, 0.051, 0.1), "failed"),
        (Estimate(0.06), "failed"),
    ],
)
def test_probabilities_must_not_be_surely_off(ece: Estimate, expected: str) -> None:
    challenger = replace(CHALLENGER, figures={**CHALLENGER.figures, "ece": ece})
    assert calibration(beside(challenger)).verdict == expected
    assert calibration(beside(replace(challenger, kind="recency"))).verdict == "skipped"


@pytest.mark.parametrize(("value", "expected"), [(0.021, "failed"), (0.019, "passed"), (-0.1, "passed")])
@pytest.mark.parametrize("kind", ["gbdt", "recency"])
def test_log_loss_must_not_be_surely_worse_than_the_champions(value: float, expected: str, kind: str) -> None:
    assert calibration(beside(replace(CHALLENGER, kind=kind), apart={"log_loss": around(value, 0.02)})).verdict == expected


def test_a_good_ece_does_not_excuse_a_bad_log_loss_nor_the_other_way_round() -> None:
    good, bad = Estimate(0.01, 0.0, 0.02), Estimate(0.2, 0.1, 0.3)
    for ece, log_loss in ((good, around(0.5, 0.1)), (bad, around(-0.5, 0.1))):
        challenger = replace(CHALLENGER, figures={**CHALLENGER.figures, "ece": ece})
        assert calibration(beside(challenger, apart={"log_loss": log_loss})).verdict == "failed"


@pytest.mark.parametrize(("value", "expected"), [(-0.021, "failed"), (-0.019, "passed"), (0.1, "passed")])
def test_expected_values_must_not_order_users_surely_worse(value: float, expected: str) -> None:
    assert amounts(beside(apart={"gini": around(value, 0.02)})).verdict == expected


def test_without_expected_values_or_a_champion_there_is_nothing_to_compare() -> None:
    assert amounts(beside()).verdict == "skipped"
    assert [gate(beside(champion=None)).verdict for gate in (lead, calibration, slices, amounts)] == ["skipped"] * 4


SMALL = Slice("segment", "Malta", 12, 1, too_small="12 users; 200 are asked")


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ((group("Germany", "2", "1", {"auc": 0.049}),), ["Germany"]),
        ((group("Germany", "2", "1", {"auc": 0.051}),), []),
        # two looks at each of two groups: the smallest must be below 0.0125
        ((group("Germany", "2", "1", {"auc": 0.013, "log_loss": 0.5}), group("France", "2", "1", {"auc": 0.5, "log_loss": 0.5})), []),
        (
            (group("Germany", "2", "1", {"auc": 0.5, "log_loss": 0.012}), group("France", "2", "1", {"auc": 0.5, "log_loss": 0.5})),
            ["Germany"],
        ),
        ((group("Germany", "2", "1", {"auc": 0.001}), group("France", "2", "1", {"auc": 0.002}), SMALL), ["Germany", "France"]),
        # the pair is kept the other way round
        ((group("Germany", "1", "2", {"auc": 0.999}),), ["Germany"]),
        ((group("Germany", "1", "2", {"auc": 0.001}),), []),
    ],
)
def test_no_group_may_get_significantly_worse_over_all_looks_together(found: tuple[Slice, ...], named: list[str]) -> None:
    gate = slices(beside(found=found))
    assert gate.verdict == ("failed" if named else "passed")
    for value in named:
        assert f"segment = {value} (300 users)" in gate.words
    assert "Malta" not in gate.words


def test_a_group_that_gets_worse_is_named_with_its_numbers() -> None:
    gate = slices(beside(found=(group("Germany", "2", "1", {"auc": 0.00012}), SMALL)))
    assert gate.words == (
        "it is significantly worse where segment = Germany (300 users): AUC differs by -0.0500 [-0.0700, -0.0300], p = 0.00012 "
        "(Holm's test at 0.05, differences to version 1 (gbdt): 1; groups too small to judge: 1)"
    )


@pytest.mark.parametrize(("found", "words"), [((), "no groups were declared"), ((SMALL,), "no group was judged; too small: 1")])
def test_without_judged_groups_the_gate_says_why_it_is_skipped(found: tuple[Slice, ...], words: str) -> None:
    gate = slices(beside(found=found))
    assert (gate.verdict, gate.words) == ("skipped", words)


def test_baselines_answer_to_fewer_gates_in_the_same_order() -> None:
    assert [gate for gate in OF_MODELS if gate in OF_BASELINES] == list(OF_BASELINES)


def test_of_many_groups_that_are_worse_the_surest_three_are_named() -> None:
    found = tuple(group(name, "2", "1", {"auc": p}) for name, p in (("A", 1e-4), ("B", 1e-7), ("C", 1e-5), ("D", 1e-6), ("E", 1e-3)))
    words = slices(beside(found=found)).words
    assert [words.index(f"segment = {name} ") for name in "BDC"] == sorted(words.index(f"segment = {name} ") for name in "BDC")
    assert "; and in 2 more cases (Holm's test" in words
    assert "segment = A" not in words
