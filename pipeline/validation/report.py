"""The validation report of each day as a page that people open, kept in one folder across runs.

data_docs/index.html                                    all days, newest first
data_docs/expectations/events.html                      the suite of the last day checked
data_docs/validations/events/<day>/gate/report.html     Great Expectations' page of the day
data_docs/validations/events/<day>/gate/verdict.json    what the index says about it
"""

from __future__ import annotations

import json
import os
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

GATE = "gate"
"""Pages lie as deep as in a site that Great Expectations builds, so that their links fit; only the run's time is a fixed word."""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Nightcast: validated days</title>
<style>body{{font:15px system-ui,sans-serif;margin:2rem auto;max-width:46rem}}table{{border-collapse:collapse;width:100%}}
th,td{{text-align:right;padding:.3rem .8rem;border-bottom:1px solid #ccc}}th:first-child,td:first-child{{text-align:left}}
.refused{{color:#b00020;font-weight:600}}</style>
<h1>Validated days</h1><p><a href="expectations/events.html">What every day must meet</a></p>
<table><thead><tr><th>Day<th>Rows<th>Accepted<th>Verdict</thead><tbody>
{rows}
</tbody></table></html>
"""


class Reports:
    """Writes the pages with Great Expectations' own renderers; its site builder would build every page anew for each day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._view: Any = None

    def write(self, day: date, outcome: Any, *, passed: bool, rows: int, accepted: int) -> str:
        """Write the day's page; its file:// URL. `outcome` is Great Expectations' result of the day's suite."""
        from great_expectations.render.renderer import ValidationResultsPageRenderer

        folder = self._folder / "validations" / "events" / day.isoformat() / GATE
        _replace(folder / "report.html", self._render(ValidationResultsPageRenderer(), outcome))
        verdict = {"day": day.isoformat(), "rows": rows, "accepted": accepted, "passed": passed}
        _replace(folder / "verdict.json", json.dumps(verdict))
        return (folder / "report.html").as_uri()

    def write_suite(self, suite: Any) -> None:
        """Write the page that says what is expected."""
        from great_expectations.render.renderer import ExpectationSuitePageRenderer

        _replace(self._folder / "expectations" / "events.html", self._render(ExpectationSuitePageRenderer(), suite))

    def write_index(self) -> None:
        """Write the list of all days that have a page."""
        found = sorted(self._folder.glob(f"validations/events/*/{GATE}/verdict.json"), reverse=True)
        rows = "\n".join(_row(path.parent.relative_to(self._folder), json.loads(path.read_text(encoding="utf-8"))) for path in found)
        _replace(self._folder / "index.html", PAGE.format(rows=rows))

    def _render(self, renderer: Any, content: Any) -> str:
        from great_expectations.render.view import DefaultJinjaPageView

        self._view = self._view or DefaultJinjaPageView()
        return str(self._view.render(renderer.render(content), show_how_to_buttons=False))


def _row(folder: Path, verdict: dict[str, Any]) -> str:
    link = f'<a href="{escape(folder.as_posix())}/report.html">{escape(str(verdict["day"]))}</a>'
    word = "passed" if verdict["passed"] else "refused"
    return f'<tr><td>{link}<td>{int(verdict["rows"]):,}<td>{int(verdict["accepted"]):,}<td class="{word}">{word}'


def _replace(path: Path, text: str) -> None:
    """Readers see the old page or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
