from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.validation.gate import open_gate
from pipeline.validation.report import DayPage, Reports
from pipeline.validation.site import Site
from tests.pipeline.validation.day_of_events import DAY, END, days_before, events, record, staged

Configured = Callable[..., Config]


def ingest(config: Config, staging: Path, *days: int, refused: int = 0) -> Path:
    with open_gate(config, staging) as gate:
        for number in days:
            day = date(2026, 1, number)
            table = events(day=day, event_type=["click" if number == refused else "view"] * 4)
            end = Cutoff(END.instant + (day - DAY))
            gate.check(staged(staging, table, day, quarantined=1), days_before(60)[: number - 31], end=end)
    return config.root / "data_docs"


def test_pages_stay_across_runs_and_the_index_lists_them_newest_first(configured: Configured, staging: Path) -> None:
    for days in [(1, 2), (3,)]:
        site = ingest(configured(present_within_days=0), staging, *days, refused=2)
    rows = (site / "index.html").read_text().split("<tbody>")[1]
    links = re.findall(r'href="(validations/[^"]+)"', rows)
    assert links == [f"validations/events/2026-01-0{day}/gate/report.html" for day in (3, 2, 1)]
    assert all((site / link).is_file() for link in links)
    assert re.findall(r'class="(passed|refused)">', rows) == ["passed", "refused", "passed"]
    assert re.findall(r"<td>(\d+)", rows)[:6] == ["5", "4", "1", "0", "0", "0"]  # as in COUNTS


def test_the_index_names_the_refused_days_on_top_and_parts_the_years(tmp_path: Path) -> None:
    reports = Reports(Site(tmp_path, ""))
    for day, failures in ((date(2025, 12, 31), ()), (date(2026, 1, 1), ("too few",)), (date(2026, 1, 2), ())):
        reports.write(DayPage(record(day), failures, (), (), ()))
    reports.write_index()
    index = (tmp_path / "index.html").read_text()
    top = index.split("<h2")[0]
    assert re.findall(r"<a href=\"validations[^>]+>([^<]+)", top) == ["2026-01-01"]
    assert re.findall(r'<h2 id="(\d+)"', index) == ["2026", "2025"]
    assert re.findall(r'href="#(\d+)"', top) == ["2026", "2025"]


def test_a_page_of_an_earlier_release_stays_listed(tmp_path: Path) -> None:
    folder = tmp_path / "validations/events/2026-01-01/gate"
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text(json.dumps({"day": "2026-01-01", "rows": 5, "accepted": 4, "passed": True}))
    Reports(Site(tmp_path, "")).write_index()
    assert "<td>5<td>4<td>–<td>–" in (tmp_path / "index.html").read_text()


def test_a_rerun_replaces_the_page_of_its_day(configured: Configured, staging: Path) -> None:
    site = ingest(configured(present_within_days=0), staging, 1, refused=1)
    page = site / "validations/events/2026-01-01/gate/report.html"
    assert "Refused" in page.read_text()
    ingest(configured(present_within_days=0), staging, 1)
    assert "Refused" not in page.read_text()
    assert "Refused days: none" in (site / "index.html").read_text()


def test_the_page_says_verdict_counts_failures_findings_and_what_is_usual(configured: Configured, staging: Path) -> None:
    with open_gate(configured(), staging) as gate:
        gate.check(staged(staging, events(user_id=[None, "a", "b", "c"]), quarantined=2), days_before(60, purchase=1), end=END)
    page = (configured().root / "data_docs/validations/events/2026-01-31/gate/report.html").read_text()
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<body>")[1]))
    assert "Refused: nothing of this batch was committed. user_id is never null: observed 1 otherwise" in words
    assert "Rows Accepted Quarantined Duplicates Late Readmitted 6 4 2 0 0 0" in words
    assert "at most 50% of the rows quarantined (validation.max_quarantined_share) 33.33% of the rows" in words
    assert "accepted rows from 0.1 to 10 times the median of the last 4 same weekdays (validation.volume_band) 1.00 times" in words
    assert "The usual number of accepted rows on a Saturday is 4, the median of 2026-01-03 4" in words
    assert "Not judged" not in words
    assert re.findall(r'class="fas (fa-[a-z-]+)', page).count("fa-times") == 1


def test_pages_need_no_network_and_run_no_script(configured: Configured, staging: Path) -> None:
    site = ingest(configured(), staging, 1, 2, refused=2)
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.search(r"https?:|<script|<link|@import|url\(|<img|<iframe", text), page


def test_links_between_pages_lead_somewhere(configured: Configured, staging: Path) -> None:
    site = ingest(configured(), staging, 1)
    pages = list(site.rglob("*.html"))
    assert len(pages) == 3
    for page in pages:
        links = [link for link in re.findall(r'href="([^"]+)"', page.read_text()) if not link.startswith("#")]
        assert links
        assert all((page.parent / link).resolve().is_file() for link in links)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8090", "http://127.0.0.1:8090/"])
def test_reports_that_are_served_have_their_address(address: str, configured: Configured, staging: Path) -> None:
    with open_gate(configured(reports_url=address), staging) as gate:
        url = gate.check(staged(staging, events()), [], end=END).report_url
    assert url == "http://127.0.0.1:8090/validations/events/2026-01-31/gate/report.html"
    assert (configured().root / "data_docs" / url.removeprefix("http://127.0.0.1:8090/")).is_file()


def test_the_page_of_the_suite_says_what_every_day_must_meet(configured: Configured, staging: Path) -> None:
    text = (ingest(configured(), staging, 1) / "expectations/events.html").read_text()
    assert "at least one purchase in 28 days" in text
    assert "event_type is never null and one of view, purchase" in text


def test_no_half_written_page_is_left(configured: Configured, staging: Path) -> None:
    site = ingest(configured(), staging, 1)
    assert not [path for path in site.rglob(".*") if path.is_file()]


def test_no_user_is_named(configured: Configured, staging: Path) -> None:
    site = ingest(configured(), staging, 1, refused=1)
    assert not any("user-1" in path.read_text() for path in site.rglob("*") if path.is_file())


def test_the_index_of_five_years_is_small(tmp_path: Path) -> None:
    reports = Reports(Site(tmp_path, ""))
    for back in range(1700):
        name = (DAY - timedelta(days=back)).isoformat()
        folder = tmp_path / "validations/events" / name / "gate"
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_text(json.dumps({"day": name, "rows": 5, "accepted": 4, "passed": True}))
    reports.write_index()
    assert (tmp_path / "index.html").stat().st_size < 500_000
