from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pipeline.config import Config
from pipeline.validation.gate import open_gate
from tests.pipeline.validation.day_of_events import END, events


def ingest(config: Config, staging: Path, *days: int, refused: int = 0) -> Path:
    with open_gate(config, staging) as gate:
        for day in days:
            gate.check(date(2026, 1, day), events(event_type=["click" if day == refused else "view"] * 4), rows=5, quarantined=1, end=END)
    return config.root / "data_docs"


def test_pages_stay_across_runs_and_the_index_lists_them_newest_first(configured: Callable[..., Config], tmp_path: Path) -> None:
    for number, days in enumerate([(1, 2), (3,)]):
        staging = tmp_path / f"staging{number}"
        staging.mkdir()
        site = ingest(configured(), staging, *days, refused=2)
    index = (site / "index.html").read_text()
    links = re.findall(r'href="(validations/[^"]+)"', index)
    assert links == [f"validations/events/2026-01-0{day}/gate/report.html" for day in (3, 2, 1)]
    assert all((site / link).is_file() for link in links)
    assert re.findall(r'class="(passed|refused)">', index) == ["passed", "refused", "passed"]


def test_links_between_pages_lead_somewhere(configured: Callable[..., Config], staging: Path) -> None:
    site = ingest(configured(), staging, 1)
    page = site / "validations/events/2026-01-01/gate/report.html"
    links = set(re.findall(r'href="(\.\./[^"#?]+\.html)', page.read_text()))
    assert links
    assert all((page.parent / link).resolve().is_file() for link in links)
    assert (site / "expectations/events.html").is_file()


def test_no_half_written_page_is_left(configured: Callable[..., Config], staging: Path) -> None:
    site = ingest(configured(), staging, 1)
    assert not [path for path in site.rglob(".*") if path.is_file()]


def test_no_user_is_named(configured: Callable[..., Config], staging: Path) -> None:
    site = ingest(configured(), staging, 1, refused=1)
    assert not any("user-1" in path.read_text() for path in site.rglob("*") if path.is_file())
