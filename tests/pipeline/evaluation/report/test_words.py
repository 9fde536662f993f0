from __future__ import annotations

import pytest

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.report.words import interval, sentence, shown, signed, title, verdict

PLAIN = Estimate(0.7561, 0.7452, 0.7667)


@pytest.mark.parametrize(
    ("name", "estimate", "value", "ends"),
    [
        ("auc", PLAIN, "0.756", "0.745 to 0.767"),
        ("auc", Estimate(0.7561, 0.752, 0.76), "0.7561", "0.7520 to 0.7600"),
        ("auc", Estimate(0.756, 0.6, 0.9), "0.76", "0.60 to 0.90"),
        ("auc", Estimate(0.5, 0.5, 0.5), "0.500", "0.500 to 0.500"),
        ("recall", Estimate(0.1, 0.1, 0.1 + 1e-17), "10.0 %", "10.0 to 10.0 %"),
        ("recall", Estimate(0.294, 0.28, 0.308), "29.4 %", "28.0 to 30.8 %"),
        ("gain_decile_1", Estimate(0.25, 0.19, 0.31), "25 %", "19 to 31 %"),
        ("mae", Estimate(1234.5, 1200.0, 1300.0), "1,234", "1,200 to 1,300"),
        ("gini", Estimate(-0.02, -0.25, 0.21), "−0.02", "−0.25 to 0.21"),
        ("log_loss", Estimate(0.37241), "0.372", ""),
        ("mae", Estimate(0.0), "0.00", ""),
    ],
)
def test_figures_have_the_digits_that_their_intervals_support(name: str, estimate: Estimate, value: str, ends: str) -> None:
    assert (shown(name, estimate), interval(name, estimate)) == (value, ends)


@pytest.mark.parametrize(
    ("name", "estimate", "value", "ends"),
    [
        ("auc", Estimate(0.0179, 0.0124, 0.0235), "+0.018", "+0.012 to +0.024"),
        ("recall", Estimate(-0.01, -0.02, 0.0), "−1.0 %", "−2.0 to 0.0 %"),
        ("auc", Estimate(-0.09, -0.18, 0.0002), "−0.09", "−0.18 to +0.00"),
        ("auc", Estimate(-0.09, -0.18, -0.0002), "−0.09", "−0.18 to −0.00"),
    ],
)
def test_differences_have_a_sign_even_where_they_round_to_nought(name: str, estimate: Estimate, value: str, ends: str) -> None:
    assert (signed(name, estimate), interval(name, estimate, difference=True)) == (value, ends)


@pytest.mark.parametrize(
    ("name", "lower", "upper", "said"),
    [
        ("auc", 0.01, 0.02, "better"),
        ("auc", -0.02, -0.01, "worse"),
        ("auc", 0.0, 0.02, "open"),
        ("auc", -0.01, 0.0, "open"),
        ("log_loss", 0.01, 0.02, "worse"),
        ("log_loss", -0.02, -0.01, "better"),
        ("ece", -0.02, -0.01, "better"),
        ("calibration_ratio", 0.01, 0.02, "open"),
        ("auc", None, None, "open"),
    ],
)
def test_a_difference_is_sure_where_its_whole_interval_is_on_one_side(
    name: str, lower: float | None, upper: float | None, said: str
) -> None:
    assert verdict(name, Estimate(0.015, lower, upper)) == said


def test_figures_are_called_as_people_call_them() -> None:
    assert [title(name) for name in ("auc", "average_precision", "lift_decile_1", "ece")] == [
        "AUC",
        "average precision",
        "lift decile 1",
        "calibration error",
    ]


def test_a_sentence_begins_with_a_capital_and_keeps_the_rest() -> None:
    assert (sentence("the AUC of Malta"), sentence("")) == ("The AUC of Malta", "")
