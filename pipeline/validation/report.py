"""The validation report of each day as a page that people open, kept in one folder across runs.

data_docs/index.html                                    all days, newest first
data_docs/expectations/events.html                      what every day must meet
data_docs/validations/events/<day>/gate/report.html     the day: its verdict, and Great Expectations' findings
data_docs/validations/events/<day>/gate/verdict.json    what the index says about it
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from pipeline.day_record import DayRecord
from pipeline.validation import frame
from pipeline.validation.requirement import Requirement

DAYS = "validations/events"
PAGE = "gate/report.html"
VERDICT = "gate/verdict.json"
COUNTS = ("rows", "accepted", "quarantined", "duplicates", "late", "readmitted")


@dataclass(frozen=True)
class DayPage:
    """What a day's page says: Great Expectations' results, the failures in words, what was left out and why, and what is usual."""

    record: DayRecord
    failures: Sequence[str]
    results: Sequence[Any]
    left_out: Sequence[tuple[str, str]]
    usual: Sequence[str]


class Reports:
    """Writes the pages below `folder`, which is served at `address` or, if that is empty, read as files."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address.rstrip("/") or folder.absolute().as_uri()
        self._view: Any = None

    def write(self, day: DayPage) -> str:
        """Write the day's page in place of an earlier one; its URL."""
        name, folder = day.record.day.isoformat(), self._folder / DAYS / day.record.day.isoformat()
        counts = {each: getattr(day.record, each) for each in COUNTS}
        _replace(folder / PAGE, frame.page(f"Events of {name}", self._day(day, counts), home="../../../../"))
        _replace(folder / VERDICT, json.dumps({"day": name, **counts, "passed": not day.failures}))
        return f"{self._address}/{DAYS}/{name}/{PAGE}"

    def write_suite(self, required: Sequence[Requirement]) -> None:
        """Write the page that says what is expected."""
        body = "<p>A day is committed only if it meets all of these.</p>" + frame.bullets([each.allowed for each in required])
        _replace(self._folder / "expectations" / "events.html", frame.page("What every day must meet", body, home="../"))

    def write_index(self) -> None:
        """Write the list of all days that have a page, a table for each year, and those that were refused on top."""
        found = sorted(self._folder.glob(f"{DAYS}/*/{VERDICT}"), reverse=True)
        verdicts = [json.loads(path.read_text(encoding="utf-8")) for path in found]
        refused = ", ".join(_link(each) for each in verdicts if not each["passed"]) or "none"
        years = [(year, list(days)) for year, days in groupby(verdicts, key=lambda each: str(each["day"])[:4])]
        ways = " ".join(f'<a href="#{year}">{year}</a>' for year, _ in years)
        body = f"<p>Years: {ways}</p><p>Refused days: {refused}</p>" + "".join(_year(year, days) for year, days in years)
        _replace(self._folder / "index.html", frame.page("Validated days", body))

    def _day(self, day: DayPage, counts: dict[str, int]) -> str:
        if day.failures:
            verdict = '<p class="refused">Refused: nothing of this batch was committed.</p>' + frame.bullets(day.failures)
        else:
            verdict = '<p class="passed">Passed.</p>'
        usual = f"<h2>Compared with</h2>{frame.bullets(day.usual)}" if day.usual else ""
        left_out = [f"{allowed}: {reason}" for allowed, reason in day.left_out]
        missing = f"<h2>Not judged on this day</h2>{frame.bullets(left_out)}" if left_out else ""
        return f"{verdict}{frame.counts(counts)}<h2>Requirements</h2>{self._table(day.results)}{usual}{missing}"

    def _table(self, results: Sequence[Any]) -> str:
        """Great Expectations' own table of its results."""
        if not results:
            return "<p>None was checked.</p>"
        from great_expectations.render.renderer.content_block import ValidationResultsTableContentBlockRenderer
        from great_expectations.render.view import DefaultJinjaComponentView

        self._view = self._view or DefaultJinjaComponentView()
        block = ValidationResultsTableContentBlockRenderer.render(list(results))
        return "\n".join(filter(str.strip, str(self._view.render({"content_block": block.to_json_dict()})).splitlines()))


def _year(year: str, verdicts: Sequence[dict[str, Any]]) -> str:
    heads = "".join(f"<th>{name.capitalize()}" for name in ("day", *COUNTS, "verdict"))
    rows = "\n".join(map(_row, verdicts))
    return f'<h2 id="{year}">{year}</h2><table class="counts"><thead><tr>{heads}</thead><tbody>\n{rows}\n</tbody></table>'


def _row(verdict: dict[str, Any]) -> str:
    word = "passed" if verdict["passed"] else "refused"
    counts = "".join(f"<td>{frame.number(verdict.get(name))}" for name in COUNTS)
    return f'<tr><td>{_link(verdict)}{counts}<td class="{word}">{word}'


def _link(verdict: dict[str, Any]) -> str:
    day = escape(str(verdict["day"]))
    return f'<a href="{DAYS}/{day}/{PAGE}">{day}</a>'


def _replace(path: Path, text: str) -> None:
    """Readers see the old page or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
