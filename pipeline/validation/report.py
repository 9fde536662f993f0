"""The validation report of each day as a page that people open, kept in one folder across runs.

data_docs/index.html                                    all days, newest first
data_docs/expectations/events.html                      what every day must meet
data_docs/validations/events/<day>/gate/report.html     the day: its verdict, and Great Expectations' findings
data_docs/validations/events/<day>/gate/verdict.json    what the index says about it
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from pipeline.day_record import DayRecord
from pipeline.validation import frame
from pipeline.validation.requirement import Requirement
from pipeline.validation.site import Site

DAYS = "validations/events"
NIGHTS = "nights.html"
"""List of the nights' pages, of another gate; it may not be there yet."""
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
    """Writes the pages of days."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def write(self, day: DayPage) -> str:
        """Write the day's page in place of an earlier one; its URL."""
        name, counts = day.record.day.isoformat(), {each: getattr(day.record, each) for each in COUNTS}
        body = frame.counts(counts) + frame.judged(day.results, day.usual, day.left_out, "this day")
        text = frame.verdict("nothing of this batch was committed", day.failures) + body
        url = self._site.write(f"{DAYS}/{name}/{PAGE}", frame.page(f"Events of {name}", text, home="../../../../"))
        self._site.write(f"{DAYS}/{name}/{VERDICT}", json.dumps({"day": name, **counts, "passed": not day.failures}))
        return url

    def write_suite(self, required: Sequence[Requirement]) -> None:
        """Write the page that says what is expected."""
        body = "<p>A day is committed only if it meets all of these.</p>" + frame.bullets([each.allowed for each in required])
        self._site.write("expectations/events.html", frame.page("What every day must meet", body, home="../"))

    def write_index(self) -> None:
        """Write the list of all days that have a page, a table for each year, and those that were refused on top."""
        found = sorted(self._site.folder.glob(f"{DAYS}/*/{VERDICT}"), reverse=True)
        verdicts = [json.loads(path.read_text(encoding="utf-8")) for path in found]
        refused = ", ".join(_link(each) for each in verdicts if not each["passed"]) or "none"
        years = [(year, list(days)) for year, days in groupby(verdicts, key=lambda each: str(each["day"])[:4])]
        jumps = " ".join(f'<a href="#{year}">{year}</a>' for year, _ in years)
        body = f"<p>Years: {jumps}</p><p>Refused days: {refused}</p>" + "".join(_year(year, days) for year, days in years)
        ways = frame.WAYS | ({NIGHTS: "All nights"} if (self._site.folder / NIGHTS).is_file() else {})
        self._site.write("index.html", frame.page("Validated days", body, ways=ways))


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
