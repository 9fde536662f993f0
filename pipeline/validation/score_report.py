"""The validation report of each night of scores, beside those of days.

data_docs/nights.html                                             all nights, newest first
data_docs/expectations/scores/<target>.html                       what every night of the target must meet
data_docs/validations/scores/<target>/<cutoff>/gate/report.html   the night: its verdict, and Great Expectations' findings
data_docs/validations/scores/<target>/<cutoff>/gate/verdict.json  what the list says about it
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from features.cutoff import Cutoff
from pipeline.validation import frame
from pipeline.validation.report import NIGHTS, PAGE, VERDICT
from pipeline.validation.requirement import Requirement
from pipeline.validation.score_facts import StagedNight
from pipeline.validation.site import Site

FOLDER = "validations/scores"
COUNTS = ("eligible", "scored", "refused")
HEADS = ("cutoff", "target", "version", *COUNTS, "verdict")


@dataclass(frozen=True)
class NightPage:
    """What a night's page says: Great Expectations' results, the failures in words, what was left out and why, and what is usual."""

    night: StagedNight
    failures: Sequence[str]
    results: Sequence[Any]
    left_out: Sequence[tuple[str, str]]
    usual: Sequence[str]


class ScoreReports:
    """Writes the pages of nights."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def write(self, page: NightPage, required: Sequence[Requirement]) -> str:
        """Write the night's page in place of an earlier one, and the page of its suite; its URL."""
        night, way = page.night, _way(page.night.target)
        place = f"{FOLDER}/{night.target}/{night.cutoff.key}"
        counts = {name: night.counted(name) for name in COUNTS}
        version = str(night.run["model_version"])
        body = (
            frame.verdict("the scores of this night were not published, those before stay", page.failures)
            + f"<p>Version {escape(version)} of {escape(str(night.run['model_name']))}.</p>"
            + frame.counts(counts)
            + frame.judged(page.results, page.usual, page.left_out, "this night")
        )
        title = f"Scores of {night.target} at {night.cutoff}"
        url = self._site.write(f"{place}/{PAGE}", frame.page(title, body, home="../../../../../", ways=way))
        told = {"target": night.target, "cutoff": night.cutoff.key, "version": version, **counts, "passed": not page.failures}
        self._site.write(f"{place}/{VERDICT}", json.dumps(told))
        words = "<p>A night is published only if it meets all of these.</p>" + frame.bullets([each.allowed for each in required])
        suite = f"What every night of {night.target} must meet"
        self._site.write(_suite(night.target), frame.page(suite, words, home="../../", ways={NIGHTS: way[NIGHTS]}))
        return url

    def write_index(self) -> None:
        """Write the list of all nights that have a page, newest first, and those that were refused on top."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self._site.folder.glob(f"{FOLDER}/*/*/{VERDICT}")]
        verdicts = sorted(found, key=lambda each: (each["cutoff"], each["target"]), reverse=True)
        refused = ", ".join(_link(each, f"{each['target']} at {_instant(each)}") for each in verdicts if not each["passed"]) or "none"
        heads = "".join(f"<th>{name.capitalize()}" for name in HEADS)
        rows = "\n".join(map(_row, verdicts))
        body = f'<p>Refused nights: {refused}</p><table class="counts"><thead><tr>{heads}</thead><tbody>\n{rows}\n</tbody></table>'
        days = {"index.html": "All days"} if (self._site.folder / "index.html").is_file() else {}
        self._site.write(NIGHTS, frame.page("Validated nights", body, ways=days))


def _way(target: str) -> dict[str, str]:
    return {NIGHTS: "All nights", _suite(target): "What every night must meet"}


def _suite(target: str) -> str:
    return f"expectations/scores/{target}.html"


def _row(verdict: dict[str, Any]) -> str:
    word = "passed" if verdict["passed"] else "refused"
    texts = "".join(f"<td>{escape(str(verdict[name]))}" for name in ("target", "version"))
    counts = "".join(f"<td>{frame.number(verdict[name])}" for name in COUNTS)
    return f'<tr><td>{_link(verdict, _instant(verdict))}{texts}{counts}<td class="{word}">{word}'


def _instant(verdict: dict[str, Any]) -> str:
    return str(Cutoff.from_key(verdict["cutoff"]))


def _link(verdict: dict[str, Any], text: str) -> str:
    return f'<a href="{FOLDER}/{escape(verdict["target"])}/{escape(verdict["cutoff"])}/{PAGE}">{escape(text)}</a>'
