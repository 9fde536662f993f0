from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Estimate, Judged
from pipeline.evaluation.quality_history import Point
from pipeline.evaluation.report.page import headline, page
from tests.pipeline.evaluation.report.contested import EVIDENCE, FIRST, NAMED, PROMOTED, REFUSED
from tests.synthetic_lake import AS_OF

PNG = b"\x89PNG not really"
PICTURES = {"roc": PNG, "over_time": PNG, "forest": PNG}
SOURCES = {"labels": "version 12 of the lake's table"}
HISTORY = [
    Point(AS_OF.plus_days(-20), "4", "all", "auc", "validation", Estimate(0.74, 0.73, 0.75)),
    Point(AS_OF.plus_days(-9), "4", "all", "auc", "realised", Estimate(0.70, 0.69, 0.71)),
]
PAGE = page(EVIDENCE, REFUSED, PICTURES, HISTORY, SOURCES)
NOBODY = replace(EVIDENCE, models=(), differences=(), slices=())
VOID = {"meta", "img"}


class Balanced(HTMLParser):
    """Raises for an end tag that is not the one of the last open element; `open` holds what was never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _text(html: str) -> str:
    """What a person reads of it, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<body>")[2]).split())


@pytest.mark.parametrize(
    ("evidence", "decision", "said"),
    [
        (EVIDENCE, REFUSED, "Champion gbdt v4 stays"),
        (EVIDENCE, PROMOTED, "gbdt v7 should score purchase_7d from now on"),
        (EVIDENCE, FIRST, "gbdt v7 should score purchase_7d"),
        (EVIDENCE, Decision(False, "7", "9", ()), "Champion version 9 stays"),
        (EVIDENCE, Decision(False, "7", None, ()), "No model should score purchase_7d yet"),
        (NOBODY, Decision(False, None, None, ("no candidate could be judged",)), "No model should score purchase_7d yet"),
    ],
)
def test_the_headline_says_who_should_score(evidence: object, decision: Decision, said: str) -> None:
    assert headline(evidence, decision) == said  # type: ignore[arg-type]
    html = page(evidence, decision, {}, [], {})  # type: ignore[arg-type]
    assert f"<h1>{said}</h1>" in html


def test_the_page_says_why_by_how_much_and_how_sure_that_is() -> None:
    said = _text(PAGE)
    assert "Version 7 (gbdt) does not replace champion version 4 (gbdt). On the same 2,000 users the AUC of gbdt v7 minus that of" in said
    assert "gbdt v4 is +0.020 (+0.010 to +0.030): better by its interval." in said
    assert (
        "better by its interval. But it fails at slices: segment = &lt;b&gt;Côte &amp; d&#x27;Ivoire&lt;/b&gt; is significantly worse."
        in said
    )
    assert "Conditions met 1 of 2 not met: slices" in said
    assert "Users judged 2,000 300 with outcome 1, 15.0 %" in said


def test_every_condition_has_its_mark_and_words() -> None:
    found = re.findall(r'<li class="(\w+)"><span class="mark" aria-label="(\w+)">(.)</span><div><strong>(\w+)</strong>', PAGE)
    assert found == [("passed", "passed", "✓", "Leaks"), ("failed", "failed", "✗", "Slices"), ("skipped", "skipped", "–", "Amounts")]
    assert "the leak gate said passed; passed is asked" in PAGE


def test_nothing_that_is_named_by_the_source_can_be_markup() -> None:
    assert NAMED not in PAGE
    assert "&lt;b&gt;Côte &amp; d&#x27;Ivoire&lt;/b&gt;" in PAGE
    assert "A &lt;second&gt; reason" in PAGE
    assert "it reads &lt;other&gt; features" in PAGE
    reader = Balanced()
    reader.feed(PAGE)
    assert reader.open == []


def test_the_page_needs_no_network_and_runs_no_script() -> None:
    assert not re.findall(r"https?://|<script|<link|@import|url\(", PAGE)


def test_its_links_lead_to_its_sections() -> None:
    assert re.findall(r'<a href="#(\w+)">', PAGE) == re.findall(r'<section id="(\w+)">', PAGE)
    names = ["why", "models", "lead", "groups", "fairness", "time", "pictures", "basis"]
    assert re.findall(r'<section id="(\w+)">', PAGE) == names


def test_pictures_are_part_of_the_page_and_leads_by_group_are_drawn_on_it() -> None:
    inside = re.findall(r'src="data:image/png;base64,([^"]+)"', PAGE)
    assert [b64decode(each) for each in inside] == [PNG, PNG]
    alone = page(EVIDENCE, REFUSED, {"forest": PNG}, HISTORY, SOURCES)
    assert '<section id="pictures">' not in alone


def test_what_the_page_rests_on_is_named() -> None:
    said = _text(PAGE)
    assert "labels version 12 of the lake&#x27;s table" in said
    assert "leak gate: passed; sufficiency: go" in said
    assert "bootstrap replicates 1,000" in said


def test_without_models_there_is_a_page_all_the_same() -> None:
    html = page(NOBODY, Decision(False, None, None, ("no candidate could be judged",)), {}, [], {})
    assert "No candidate could be judged." in html
    assert "None could be judged." in html


def test_where_users_cannot_be_ranked_nothing_is_compared() -> None:
    anything = Estimate(0.5, 0.0, 1.0)
    alone = Judged("1", "base_rate", AS_OF, {"auc": anything, "log_loss": Estimate(0.1)})
    few = replace(NOBODY, positives=1, models=(alone,))
    said = _text(page(few, Decision(True, "1", None, ("there are too few outcomes",)), {}, [], {}))
    assert "base_rate v1 should score purchase_7d There are too few outcomes." in said
    assert "minus that of" not in said


def test_days_are_those_of_the_sources_time_zone() -> None:
    assert f"trained as of {EVIDENCE.as_of.local_date('UTC')}" in page(EVIDENCE, REFUSED, {}, [], {}, zone="UTC")


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert page(EVIDENCE, REFUSED, PICTURES, HISTORY, SOURCES) == PAGE
