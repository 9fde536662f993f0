from __future__ import annotations

import re

from pipeline.evaluation.report.models import leads, standings
from tests.pipeline.evaluation.report.contested import EVIDENCE, PROMOTED, REFUSED


def _rows(html: str) -> list[str]:
    """The lines of the first table's body, without markup."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.splitlines() if row]


def test_models_stand_in_order_of_their_auc_with_their_parts_and_intervals() -> None:
    first, second, third = _rows(standings(EVIDENCE, REFUSED))
    assert first.startswith("gbdt v7 considered 0.760 0.750 to 0.770")
    assert second.startswith("gbdt v4 champion 0.740 0.730 to 0.750")
    assert third.startswith("recency v5 baseline 0.680")
    assert third.endswith("30.0 % 28.0 to 32.0 %")


def test_who_is_to_score_stands_out() -> None:
    for decision, name in ((REFUSED, "gbdt v4"), (PROMOTED, "gbdt v7")):
        assert re.findall(r'<tr class="chosen"><th>([^<]+)<', standings(EVIDENCE, decision)) == [name]


def test_all_figures_of_all_models_can_be_unfolded() -> None:
    unfolded = standings(EVIDENCE, REFUSED).partition("<details>")[2]
    assert [row.split(" 0.")[0].split(" 80")[0] for row in _rows(unfolded)][:3] == ["AUC", "log loss", "accuracy"]
    assert "80.0 %" in unfolded


def test_differences_begin_with_the_one_that_decides() -> None:
    first, second = _rows(leads(EVIDENCE, REFUSED))
    assert first == "to gbdt v4 better by its interval +0.020 +0.010 to +0.030 −0.020 −0.030 to −0.010"
    assert second.startswith("to recency v5 better by its interval +0.080")


def test_every_pair_can_be_unfolded() -> None:
    unfolded = leads(EVIDENCE, REFUSED).partition("<details>")[2]
    assert [row.partition(" better")[0] for row in _rows(unfolded)] == ["gbdt v7 − gbdt v4", "gbdt v7 − recency v5", "gbdt v4 − recency v5"]
