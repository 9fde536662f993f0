from __future__ import annotations

import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged, Slice
from pipeline.evaluation.figures.forest import TONES, Line, forest, lines
from tests.synthetic_lake import AS_OF

LEADS = {"all": Estimate(0.02, 0.01, 0.03), "DE": Estimate(-0.05, -0.09, -0.01), "FR": Estimate(0.01, -0.02, 0.04)}


def _difference(lead: Estimate) -> tuple[Difference, ...]:
    return (Difference("2", "1", {"auc": lead, "log_loss": lead.reversed()}),)


EVIDENCE = Evidence(
    target="purchase_7d",
    as_of=AS_OF,
    evaluation=AS_OF.plus_days(-7),
    rows=900,
    positives=90,
    models=tuple(Judged(version, "gbdt", AS_OF.plus_days(-14), {"auc": Estimate(0.7)}) for version in ("2", "1")),
    differences=_difference(LEADS["all"]),
    set_aside={},
    slices=(
        *(Slice("segment", name, 300, 30, differences=_difference(LEADS[name])) for name in ("DE", "FR")),
        Slice("segment", "EI", 12, 1, too_small="it has 12 users; at least 200 are needed"),
    ),
)


def _points(figure: Figure) -> list[tuple[float, str]]:
    """Of each point its place across and what its color says."""
    drawn = [each for each in figure.axes[0].get_lines() if each.get_marker() in {"o", "D"}]
    tones = [next(tone for tone, color in TONES.items() if same_color(color, each.get_color())) for each in drawn]
    return [(float(each.get_xdata()[0]), tone) for each, tone in zip(drawn, tones, strict=True)]


def test_all_users_come_first_then_each_columns_groups_below_its_name() -> None:
    found = lines(EVIDENCE, "2", "1", "auc")
    assert [(line.name, line.users, line.lead) for line in found] == [
        ("all users", 900, LEADS["all"]),
        ("segment", None, None),
        ("DE", 300, LEADS["DE"]),
        ("FR", 300, LEADS["FR"]),
        ("EI", 12, None),
    ]
    assert found[-1].why == "it has 12 users; at least 200 are needed"


def test_a_group_is_in_the_color_of_what_its_interval_says() -> None:
    drawn = forest(lines(EVIDENCE, "2", "1", "auc"), "auc", "gbdt v2", "gbdt v1")
    assert _points(drawn) == [(0.02, "better"), (-0.05, "worse"), (0.01, "open")]


def test_of_a_loss_less_is_better_and_lies_to_the_right() -> None:
    drawn = forest(lines(EVIDENCE, "2", "1", "log_loss"), "log_loss", "gbdt v2", "gbdt v1")
    assert _points(drawn) == [(-0.02, "better"), (0.05, "worse"), (-0.01, "open")]
    left, right = drawn.axes[0].get_xlim()
    assert left > right


def test_a_group_that_was_not_judged_says_why() -> None:
    drawn = forest(lines(EVIDENCE, "2", "1", "auc"), "auc", "gbdt v2", "gbdt v1")
    said = [text.get_text() for text in drawn.axes[0].texts]
    assert "it has 12 users; at least 200 are needed" in said
    assert "+0.020  (+0.010 to +0.030)" in said
    drawn.canvas.draw()


@pytest.mark.parametrize("lead", [Estimate(0.0), Estimate(0.0, 0.0, 0.0)])
def test_models_that_answer_alike_can_be_drawn(lead: Estimate) -> None:
    forest([Line("all users", 10, lead, whole=True)], "auc", "gbdt v2", "gbdt v1").canvas.draw()
