"""What the sections of the evaluation's page are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.report.words import Verdict, interval, sentence, shown, signed

NONE = '<td class="none">–</td>'
BY_INTERVAL = {"better": "better by its interval", "worse": "worse by its interval", "open": "cannot be told apart"}


def section(name: str, heading: str, about: str, *parts: str) -> str:
    """A part of the page with a heading; `about` is plain text, `parts` are HTML."""
    body = "\n".join(part for part in parts if part)
    return f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n<p class="about">{escape(about)}</p>\n{body}\n</section>'


def table(heads: Sequence[str], rows: Iterable[str], kind: str = "") -> str:
    """A table that scrolls sideways where the screen is narrow; `heads` are plain text, `rows` are HTML."""
    head = "".join(f"<th>{escape(sentence(each))}</th>" for each in heads)
    body = "\n".join(rows)
    return f'<div class="scroll"><table class="{kind}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def folded(summary: str, content: str) -> str:
    """Something that is shown when a person asks for it."""
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>"


def figure_cell(name: str, estimate: Estimate | None, tone: Verdict = "open") -> str:
    """The figure `name` with its interval below."""
    if estimate is None:
        return NONE
    return f'<td class="figure {tone}"><strong>{shown(name, estimate)}</strong>{_ends(interval(name, estimate))}</td>'


def difference_cell(name: str, difference: Estimate | None, tone: Verdict) -> str:
    """The same of a difference, in the color of what it says."""
    if difference is None:
        return NONE
    ends = _ends(interval(name, difference, difference=True))
    return f'<td class="figure {tone}"><strong>{signed(name, difference)}</strong>{ends}</td>'


def badge(text: str, kind: str) -> str:
    """A word in a small box."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def _ends(written: str) -> str:
    return f"<small>{written}</small>" if written else ""
