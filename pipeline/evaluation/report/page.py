"""An evaluation as one HTML page that needs nothing else: no network, no scripts. It names no user."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from features.cutoff import local_name
from models.baselines import KINDS
from pipeline.evaluation.decision import Decision, Gate
from pipeline.evaluation.evidence import Evidence, Judged
from pipeline.evaluation.quality_history import Point
from pipeline.evaluation.report.drift import drift
from pipeline.evaluation.report.duel import duel, named
from pipeline.evaluation.report.models import leads, standings
from pipeline.evaluation.report.parts import BY_INTERVAL, folded, section
from pipeline.evaluation.report.slices import forest, treatment
from pipeline.evaluation.report.words import interval, sentence, shown, signed, verdict

ALBUM = {
    "roc": "Who ranks best: the further to the upper left, the better",
    "precision_recall": "What share of those reached has outcome 1, and how many of all are found",
    "lift": "What reaching the best-ranked users brings",
    "calibration": "Whether probabilities come true: points on the dotted line, or within the bars around it",
    "scores": "Which probabilities users get, by what happened",
}
"""Picture → caption; the leads by group are drawn on the page itself."""
TIMES = {
    "over_time": "How well users were ranked, night by night",
    "calibration_over_time": "Expected ÷ observed outcomes, night by night: 1 is right",
}
BROAD = frozenset({"lift", "calibration", "scores", *TIMES})
LINKS = re.compile(r'<section id="(\w+)">\n<h2>([^<]*)</h2>')
MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}


def page(
    evidence: Evidence,
    decision: Decision,
    pictures: Mapping[str, bytes],
    history: Sequence[Point],
    sources: Mapping[str, str],
    *,
    zone: str = "UTC",
) -> str:
    """The page; the same evidence gives the same bytes.

    pictures  name → PNG, of which those of `ALBUM` and `TIMES` are shown
    history   the target's figures, oldest first; sources: what the evaluation rests on, name → text
    zone      whose midnights are written as days
    """
    sections = [
        _gates(decision),
        standings(evidence, decision),
        leads(evidence, decision),
        forest(evidence, decision),
        treatment(evidence, decision),
        drift(evidence, history, _pictures(pictures, TIMES), zone),
        _album(pictures),
        _basis(evidence, sources, zone),
    ]
    return Template(resources.files("pipeline.evaluation.report").joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(f"{evidence.target} · {local_name(evidence.evaluation, zone)}"),
        target=escape(evidence.target),
        as_of=local_name(evidence.as_of, zone),
        evaluation=local_name(evidence.evaluation, zone),
        tone="moves" if decision.promoted else "stays",
        headline=escape(headline(evidence, decision)),
        why=escape(why(evidence, decision)),
        tiles="\n".join(_tiles(evidence, decision)),
        links="\n".join(f'<a href="#{name}">{heading}</a>' for name, heading in LINKS.findall("".join(sections))),
        sections="\n".join(each for each in sections if each),
    )


def headline(evidence: Evidence, decision: Decision) -> str:
    """Who should score, in a few words."""
    sides = duel(evidence, decision)
    if decision.promoted and sides.model:
        return f"{named(sides.model)} should score {evidence.target}" + ("" if decision.champion is None else " from now on")
    if decision.champion:
        return f"Champion {named(sides.scorer) if sides.scorer else f'version {decision.champion}'} stays"
    return f"No model should score {evidence.target} yet"


def why(evidence: Evidence, decision: Decision) -> str:
    """The first reason, what the two models' figures say, and where the candidate failed: at the first condition, up to its semicolon."""
    sides, said = duel(evidence, decision), [f"{sentence(decision.reasons[0])}."] if decision.reasons else []
    if evidence.rankable and sides.model and sides.rival:
        lead = evidence.difference(sides.model.version, sides.rival.version)
        said.append(
            f"On the same {evidence.rows:,} users the AUC of {named(sides.model)} minus that of {named(sides.rival)} is "
            f"{signed('auc', lead)} ({interval('auc', lead, difference=True)}): {BY_INTERVAL[verdict('auc', lead)]}."
        )
    failed = [gate for gate in decision.gates if gate.verdict == "failed"]
    if failed and not decision.promoted:
        others = f"; and it fails at {', '.join(gate.name for gate in failed[1:])}" if failed[1:] else ""
        said.append(f"But it fails at {failed[0].name}: {failed[0].words.partition('; ')[0]}{others}.")
    return " ".join(said)


def _tiles(evidence: Evidence, decision: Decision) -> list[str]:
    sides, tiles = duel(evidence, decision), []
    for model in (sides.model, sides.rival):
        if model:
            auc = model.figures["auc"]
            tiles.append(_tile(f"{_role(model, decision)} {named(model)}", shown("auc", auc), f"AUC, {interval('auc', auc)}"))
    if sides.model and sides.rival:
        lead = evidence.difference(sides.model.version, sides.rival.version)
        said = verdict("auc", lead)
        below = f"{interval('auc', lead, difference=True)}: {BY_INTERVAL[said]}"
        tiles.append(_tile(f"Lead of {named(sides.model)}", signed("auc", lead), below, said))
    failed, asked = sum(gate.verdict == "failed" for gate in decision.gates), sum(gate.verdict != "skipped" for gate in decision.gates)
    if asked:
        tone = "worse" if failed else "better"
        names = ", ".join(gate.name for gate in decision.gates if gate.verdict == "failed")
        tiles.append(_tile("Conditions met", f"{asked - failed} of {asked}", f"not met: {names}" if failed else "all of them", tone))
    share = f"{evidence.positives:,} with outcome 1, {100 * evidence.positives / max(evidence.rows, 1):.1f}\u00a0%"
    return [*tiles, _tile("Users judged", f"{evidence.rows:,}", share)]


def _role(model: Judged, decision: Decision) -> str:
    if model.version == decision.champion:
        return "Champion"
    return "Candidate" if model.version == decision.version else "Baseline" if model.kind in KINDS else "Model"


def _tile(name: str, value: str, below: str, tone: str = "") -> str:
    return f'<div class="tile {tone}"><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(below)}</small></dd></div>'


def _gates(decision: Decision) -> str:
    about = "What was asked of the candidate, and the numbers. All must be met; a refusal is recorded like a promotion."
    told = [gate.words for gate in decision.gates]
    rest = [reason for reason in decision.reasons[1:] if not any(words in reason for words in told)]
    reasons = "".join(f"<li>{escape(sentence(reason))}</li>" for reason in rest)
    gates = "\n".join(_gate(gate) for gate in decision.gates)
    shown_here = f'<ol class="gates">\n{gates}\n</ol>' if gates else ""
    return section("why", "Why", about, shown_here, folded("More reasons, and why no other version", f"<ul>{reasons}</ul>") if rest else "")


def _gate(gate: Gate) -> str:
    mark = f'<span class="mark" aria-label="{gate.verdict}">{MARKS[gate.verdict]}</span>'
    return f'<li class="{gate.verdict}">{mark}<div><strong>{escape(sentence(gate.name))}</strong><p>{escape(gate.words)}</p></div></li>'


def _album(pictures: Mapping[str, bytes]) -> str:
    found = _pictures(pictures, ALBUM)
    return section("pictures", "Pictures", "All models, the same users.", f'<div class="album">{found}</div>') if found else ""


def _pictures(pictures: Mapping[str, bytes], captions: Mapping[str, str]) -> str:
    return "\n".join(_picture(name, pictures[name], said) for name, said in captions.items() if name in pictures)


def _picture(name: str, png: bytes, said: str) -> str:
    source = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    kind = ' class="broad"' if name in BROAD else ""
    return (
        f'<figure{kind}><div class="scroll"><img alt="{escape(said)}" src="{source}"></div><figcaption>{escape(said)}</figcaption></figure>'
    )


def _basis(evidence: Evidence, sources: Mapping[str, str], zone: str) -> str:
    facts = {
        "trained as of": local_name(evidence.as_of, zone),
        "judged at": local_name(evidence.evaluation, zone),
        "bootstrap replicates": f"{evidence.replicates:,}" if evidence.replicates else "",
        **sources,
        **{
            named(model): f"learned from outcomes up to {local_name(model.labels_until, zone)}"
            + "".join(f"; {name.replace('_', ' ')}: {said}" for name, said in model.checks.items())
            for model in evidence.models
        },
        **{f"version {version}, not judged": why for version, why in sorted(evidence.set_aside.items())},
    }
    shown_here = "\n".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items() if text)
    about = "AUC has DeLong's interval; other figures and differences that of a paired bootstrap of users, groups by formula."
    return section("basis", "What this rests on", about, f'<dl class="facts">\n{shown_here}\n</dl>')
