"""The frame of every page: one small style sheet inside it, so that it can be read without a network, and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipeline.validation.site import findings_table

STYLE = """
:root{color-scheme:light dark;--line:#8884;--good:#1a7f37;--bad:#b3261e}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
nav a{margin-right:1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}
.counts{table-layout:fixed}.counts th,.counts td{text-align:right}.counts th:first-child,.counts td:first-child{text-align:left}
.passed,.text-success{color:var(--good)}.refused,.text-danger,.text-warning{color:var(--bad);font-weight:600}
td:first-child,td:last-child{white-space:nowrap}
i.fa-check-circle::before{content:"met";font-style:normal}
i.fa-times::before{content:"not met";font-style:normal}
i.fa-exclamation-triangle::before{content:"not computed";font-style:normal}
[data-toggle=collapse],.collapse{display:none}
"""


WAYS = {"index.html": "All days", "expectations/events.html": "What every day must meet"}


def page(title: str, body: str, *, home: str = "", ways: Mapping[str, str] = WAYS) -> str:
    """A whole page; `home` is the way to the site's folder, below which `ways` lead on. `body` is HTML."""
    way = "<nav>" + "".join(f'<a href="{home}{place}">{escape(words)}</a>' for place, words in ways.items()) + "</nav>"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>{way}\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def verdict(consequence: str, failures: Sequence[str]) -> str:
    """Whether it passed; if not, what follows from that, and why."""
    if not failures:
        return '<p class="passed">Passed.</p>'
    return f'<p class="refused">Refused: {escape(consequence)}.</p>' + bullets(failures)


def judged(results: Sequence[Any], usual: Sequence[str], left_out: Sequence[tuple[str, str]], subject: str) -> str:
    """Great Expectations' findings, what they were compared with, and what was not judged, with the reason."""
    compared = f"<h2>Compared with</h2>{bullets(usual)}" if usual else ""
    missing = [f"{allowed}: {reason}" for allowed, reason in left_out]
    not_judged = f"<h2>Not judged on {escape(subject)}</h2>{bullets(missing)}" if missing else ""
    return f"<h2>Requirements</h2>{findings_table(results)}{compared}{not_judged}"


def bullets(sentences: Sequence[str], kind: str = "") -> str:
    """The sentences as a list."""
    return f'<ul class="{kind}">' + "".join(f"<li>{escape(each)}" for each in sentences) + "</ul>"


def counts(values: Mapping[str, object]) -> str:
    """Names above their numbers."""
    heads = "".join(f"<th>{escape(name.capitalize())}" for name in values)
    cells = "".join(f"<td>{number(value)}" for value in values.values())
    return f'<table class="counts"><thead><tr>{heads}</thead><tbody><tr>{cells}</tbody></table>'


def number(value: object) -> str:
    """A whole number with its thousands apart; a dash for anything else."""
    return f"{value:,}" if isinstance(value, int) else "–"
