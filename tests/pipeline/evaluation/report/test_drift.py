from __future__ import annotations

import re

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.quality_history import Basis, Point
from pipeline.evaluation.report.drift import drift
from tests.pipeline.evaluation.report.contested import EVIDENCE
from tests.synthetic_lake import AS_OF

GROUP = "tenure = under 30 days"


def _point(day: int, value: float, basis: Basis = "realised", *, users: str = "all", version: str = "4") -> Point:
    return Point(AS_OF.plus_days(day), version, users, "auc", basis, Estimate(value, value - 0.02, value + 0.02))


def test_before_any_night_came_true_the_page_says_what_must_happen_first() -> None:
    said = drift(EVIDENCE, [_point(-7, 0.7, "validation")], "", "UTC")
    assert "No published night has come true yet" in said


def test_the_newest_night_stands_beside_what_its_version_showed_when_it_was_judged() -> None:
    history = [
        _point(-30, 0.75, "validation"),
        _point(-30, 0.65, "validation", users=GROUP),
        _point(-7, 0.99, "validation", version="7"),
        _point(-10, 0.60),
        _point(-9, 0.74),
        _point(-9, 0.55, users=GROUP),
    ]
    said = drift(EVIDENCE, history, "<figure></figure>", "UTC")
    rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in said.splitlines() if row.startswith("<tr><th>")]
    assert rows == [
        "all users AUC 0.750 0.730 to 0.770 0.740 0.720 to 0.760",
        f"{GROUP} AUC 0.650 0.630 to 0.670 0.550 0.530 to 0.570",
    ]
    assert f"these stand out, for their intervals lie apart: AUC of {GROUP}." in said
    assert said.count('class="figure worse"') == 1
    assert "<figure></figure>" in said


def test_where_nothing_lies_apart_the_page_says_so() -> None:
    said = drift(EVIDENCE, [_point(-30, 0.75, "validation"), _point(-9, 0.74)], "", "UTC")
    assert "no figure stands out" in said


def test_a_version_that_was_never_judged_has_nothing_to_be_compared_with() -> None:
    said = drift(EVIDENCE, [_point(-9, 0.74)], "", "UTC")
    assert '<td class="none">–</td><td class="figure open"><strong>0.740</strong>' in said
    assert "no figure stands out" in said
