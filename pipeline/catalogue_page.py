"""The feature catalogue as one HTML page that needs nothing else: no network, no scripts but its own search."""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from string import Template

from features.feature import Feature
from pipeline.catalogue import Catalogue, Family, facts, rows

TECHNICAL = {"table", "fingerprint"}
NOTHING = '<span class="none">–</span>'


def page(found: Catalogue) -> str:
    """The page; the same feature set gives the same bytes."""
    return Template(resources.files("pipeline").joinpath("catalogue_page.html").read_text(encoding="utf-8")).substitute(
        count=f"{found.count:,}",
        families=len(found.families),
        facts="\n".join(_fact(name, value) for name, value in facts(found).items() if name != "features"),
        links="\n".join(_link(family) for family in found.families),
        sections="\n".join(_section(family) for family in found.families),
    )


def _fact(name: str, value: object) -> str:
    written = "mono" if name in TECHNICAL else "plain"
    return f'<div><dt>{escape(name.replace("_", " "))}</dt><dd class="{written}">{_shown(value)}</dd></div>'


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "".join(f'<span class="chip">{escape(str(each))}</span>' for each in value) or NOTHING
    return NOTHING if value is None else escape(str(value))


def _link(family: Family) -> str:
    return f'<a href="#{escape(family.name)}">{escape(family.name)} <span class="number">{len(family.features)}</span></a>'


def _section(family: Family) -> str:
    body = "\n".join(_row(feature) for feature in family.features)
    return f"""<section id="{escape(family.name)}">
<h2>{escape(family.name)} <span class="number">{len(family.features)}</span></h2>
<p class="about">{_prose(family.about)}</p>
<p class="rule">{_prose(family.rule)}</p>
<table>
<thead><tr><th>Feature</th><th>Unit</th><th>What it says</th><th>Where it is undefined</th></tr></thead>
<tbody>
{body}
</tbody>
</table>
</section>"""


def _row(feature: Feature) -> str:
    ((row),) = rows([feature])
    said = escape(row["sentence"]).replace("{value}", '<span class="value">n</span>')
    otherwise = escape(row["undefined"]) or NOTHING
    return f"<tr><td><code>{escape(row['name'])}</code></td><td>{escape(row['unit'])}</td><td>{said}</td><td>{otherwise}</td></tr>"


def _prose(text: str) -> str:
    """A sentence with `names` set as code, and a capital at its start."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text[:1].upper() + text[1:]))
