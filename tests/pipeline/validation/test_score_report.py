from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.validation.gate import open_gate
from pipeline.validation.score_gate import open_score_gate
from tests.pipeline.validation.day_of_events import END, events
from tests.pipeline.validation.day_of_events import staged as staged_day
from tests.pipeline.validation.staged_nights import judge, published, staged, target
from tests.warehouse.nights import CUTOFF, NEXT, scores, with_column

Configured = Callable[..., Config]


def words(page: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text().split("<body>")[1]))


def night_page(config: Config, cutoff: Cutoff = CUTOFF) -> Path:
    return config.root / f"data_docs/validations/scores/purchase_7d/{cutoff.key}/gate/report.html"


def test_the_page_says_verdict_counts_failures_findings_and_what_it_was_compared_with(configured: Configured, staging: Path) -> None:
    config, rows = configured(), scores(400, 3)
    moved = rows.set_column(rows.column_names.index("raw_score"), "raw_score", pc.add(rows["raw_score"], 2.0))
    judge(config, staging, staged(moved), before=published(rows))
    said = words(night_page(config))
    assert "Scores of purchase_7d at 2026-03-02T00:00:00Z Refused: the scores of this night were not published, those before stay." in said
    assert "Version 4 of nightcast.purchase_7d. Eligible Scored Refused 403 400 3" in said
    assert re.search(r"at most 0\.25 \(publish\.max_shift\) \d\.\d{3}", said)
    assert "Compared with At 2026-03-01T00:00:00Z version 4 gave 400 users a mean score of" in said
    assert "Not judged on this night the mean score is from 1/2 to 2 times" in said


def test_a_rerun_replaces_the_page_of_its_night(configured: Configured, staging: Path) -> None:
    judge(configured(), staging, staged(with_column(scores(), "score", [2.0])))
    assert "Refused:" in night_page(configured()).read_text()
    judge(configured(), staging, staged(scores()))
    assert "Refused:" not in night_page(configured()).read_text()
    assert "Refused nights: none" in words(configured().root / "data_docs/nights.html")


def test_the_list_names_the_newest_night_first_and_the_refused_ones_on_top(configured: Configured, staging: Path) -> None:
    for cutoff, score in ((CUTOFF, 0.5), (NEXT, 1.5)):
        judge(configured(), staging, staged(with_column(scores(), "score", [score]), cutoff=cutoff))
    page = configured().root / "data_docs/nights.html"
    top, rows = page.read_text().split("<tbody>")
    assert re.findall(r">([^<]+)</a>", top.split("<h1")[1]) == ["purchase_7d at 2026-03-03T00:00:00Z"]
    assert re.findall(r">([^<]+)</a>", rows) == ["2026-03-03T00:00:00Z", "2026-03-02T00:00:00Z"]
    assert re.findall(r'class="(passed|refused)">', rows) == ["refused", "passed"]


def test_links_between_pages_of_days_and_nights_lead_somewhere(configured: Configured, staging: Path) -> None:
    with open_score_gate(configured(), staging) as gate:
        gate.check(staged(scores()), target(), None)
    with open_gate(configured(), staging) as days:
        days.check(staged_day(staging, events()), [], end=END)
    judge(configured(), staging, staged(scores()))
    pages = list((configured().root / "data_docs").rglob("*.html"))
    assert len(pages) == 6
    for page in pages:
        links = [link for link in re.findall(r'href="([^"]+)"', page.read_text()) if not link.startswith("#")]
        assert links
        assert all((page.parent / link).resolve().is_file() for link in links), page
    assert "All nights" in words(configured().root / "data_docs/index.html")
    assert "All days" in words(configured().root / "data_docs/nights.html")


def test_pages_need_nothing_from_elsewhere(configured: Configured, staging: Path) -> None:
    judge(configured(), staging, staged(scores()))
    pages = list((configured().root / "data_docs").rglob("*.html"))
    assert len(pages) == 3
    assert not any(re.search(r"https?:|<script|<link|@import|url\(|<img|<iframe", page.read_text()) for page in pages)


def test_words_of_the_run_are_escaped(configured: Configured, staging: Path) -> None:
    rows = scores(version="<b>9</b>")
    judge(configured(), staging, staged(rows, version="<b>9</b>"))
    assert "Version &lt;b&gt;9&lt;/b&gt; of" in night_page(configured()).read_text()
    assert "<td>&lt;b&gt;9" in (configured().root / "data_docs/nights.html").read_text()
