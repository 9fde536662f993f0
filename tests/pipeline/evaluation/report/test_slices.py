from __future__ import annotations

import re
from dataclasses import replace

from pipeline.evaluation.report.slices import forest, treatment
from tests.pipeline.evaluation.report.contested import EVIDENCE, PROMOTED, REFUSED


def _row(html: str, name: str) -> str:
    """The line of the first table that begins with this name."""
    return next(row for row in html.splitlines() if re.match(rf'<tr class="[a-z]*"><th[^>]*>{name}', row))


def test_a_lead_by_group_is_a_bar_and_its_numbers_in_the_color_of_what_they_say() -> None:
    drawn = forest(EVIDENCE, REFUSED)
    assert '<span class="bar better">' in _row(drawn, "under 30 days")
    assert "<strong>+0.050</strong><small>+0.030 to +0.070</small>" in _row(drawn, "under 30 days")
    worse = _row(drawn, "&lt;b&gt;")
    assert '<span class="bar worse">' in worse
    assert worse.count('class="figure worse"') == 2
    assert '<tr class="total"><th>all users</th><td class="count">2,000</td>' in drawn


def test_groups_stand_below_the_name_of_their_column() -> None:
    found = re.findall(r'<tr class="(column|small|)"><th[^>]*>([^<]+)', forest(EVIDENCE, REFUSED))
    assert [name for _, name in found] == ["Tenure", "under 30 days", "Segment", "&lt;b&gt;Côte &amp; d&#x27;Ivoire&lt;/b&gt;", "Malta"]


def test_a_group_that_is_too_small_says_so_in_both_tables() -> None:
    for html in (forest(EVIDENCE, REFUSED), treatment(EVIDENCE, REFUSED)):
        assert "too small to judge: it has 12 users; at least 200 are needed" in _row(html, "Malta")


def test_the_model_that_scores_is_shown_and_the_considered_one_can_be_unfolded() -> None:
    refused, promoted = treatment(EVIDENCE, REFUSED), treatment(EVIDENCE, PROMOTED)
    assert "<h2>Every group, as gbdt v4 treats it</h2>" in refused
    assert "<summary>The same for gbdt v7</summary>" in refused
    assert "<h2>Every group, as gbdt v7 treats it</h2>" in promoted
    assert "<details>" not in promoted


def test_a_group_whose_probabilities_are_surely_off_stands_out() -> None:
    html = treatment(EVIDENCE, PROMOTED)
    assert '<td class="figure worse"><strong>1.30</strong>' in _row(html, "&lt;b&gt;")
    assert "figure worse" not in _row(html, "under 30 days")
    assert "11.2 %" in _row(html, "under 30 days")  # 90 of 800 have outcome 1


def test_without_groups_there_is_nothing_to_say_of_them() -> None:
    without = replace(EVIDENCE, slices=())
    assert (forest(without, REFUSED), treatment(without, REFUSED)) == ("", "")
