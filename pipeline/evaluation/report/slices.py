"""The parts of the evaluation's page about groups of users: where a model gains and loses, and how it treats each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Estimate, Evidence, Judged, Slice
from pipeline.evaluation.quality_history import ALL_USERS
from pipeline.evaluation.report.bars import Scale, bar, scale
from pipeline.evaluation.report.duel import Duel, duel, named
from pipeline.evaluation.report.parts import difference_cell, figure_cell, folded, section, table
from pipeline.evaluation.report.words import Verdict, sentence, title, verdict

COMPARED = ("auc", "log_loss")
TREATED = ("auc", "calibration_ratio", "reached", "recall", "log_loss")
RIGHT = 1.0
"""The ratio of what was expected to what came true, where neither is more."""


def forest(evidence: Evidence, decision: Decision) -> str:
    """The considered model's lead over its rival in each group, all users first."""
    sides = duel(evidence, decision)
    if sides.model is None or sides.rival is None or not evidence.slices:
        return ""
    leads = dict(_leads(evidence, sides))
    on = scale([found["auc"] for found in leads.values() if "auc" in found], 0.0)
    rows = [_lead_row("all users", evidence.rows, leads[ALL_USERS], on, "total")]
    for column, group in groupby(evidence.slices, key=lambda each: each.column):
        rows.append(_column_row(column, len(COMPARED) + 3))
        rows += [
            _small_row(each, len(COMPARED) + 1) if each.too_small else _lead_row(each.value, each.rows, leads[each.name], on)
            for each in group
        ]
    about = (
        f"Figures of {named(sides.model)} minus those of {named(sides.rival)} in each group, with 95 % intervals that are not corrected "
        "for the number of groups; the rule is. Right of the line, and less log loss, is better."
    )
    heads = ["users", "number", f"← {named(sides.rival)} better · {named(sides.model)} better →", *map(title, COMPARED)]
    return section("groups", "Better for whom", about, table(heads, rows, "forest"))


def treatment(evidence: Evidence, decision: Decision) -> str:
    """How the model that scores treats each group; the considered one too if it is another."""
    sides = duel(evidence, decision)
    models = list({each.version: each for each in (sides.scorer, sides.model) if each is not None}.values())
    if not models or not evidence.slices:
        return ""
    about = (
        "Does the model rank each group well, are its probabilities right for it, and does it find those with outcome 1 as it does "
        "elsewhere? Expected ÷ observed is right at 1; orange: the whole interval is above or below. Reached and found (recall): at the "
        "operating point of all users."
    )
    first, *others = models
    rest = [folded(f"The same for {named(each)}", _treated(evidence, each)) for each in others]
    heading = f"Every group, as {named(first)} treats it"
    return section("fairness", heading, about, _treated(evidence, first), *rest)


def _leads(evidence: Evidence, sides: Duel) -> Iterator[tuple[str, dict[str, Estimate]]]:
    if sides.model and sides.rival:
        pair = (sides.model.version, sides.rival.version)
        yield ALL_USERS, dict(evidence.between(*pair).figures)
        for each in evidence.slices:
            found = each.difference(*pair)
            yield each.name, dict(found.figures) if found else {}


def _lead_row(name: str, users: int, lead: dict[str, Estimate], on: Scale, kind: str = "") -> str:
    auc = lead.get("auc")
    drawn = bar(auc, on, verdict("auc", auc)) if auc else ""
    tones: list[Verdict] = [verdict(metric, lead[metric]) if metric in lead else "open" for metric in COMPARED]
    cells = "".join(difference_cell(metric, lead.get(metric), tone) for metric, tone in zip(COMPARED, tones, strict=True))
    return f'<tr class="{kind}"><th>{escape(name)}</th><td class="count">{users:,}</td><td class="draw">{drawn}</td>{cells}</tr>'


def _treated(evidence: Evidence, model: Judged) -> str:
    names = [
        name for name in TREATED if name in model.figures or any(name in each.models.get(model.version, {}) for each in evidence.slices)
    ]
    rows = [_treated_row("all users", evidence.rows, evidence.positives, model.figures, names, "total")]
    for column, group in groupby(evidence.slices, key=lambda each: each.column):
        rows.append(_column_row(column, len(names) + 3))
        for each in group:
            found = each.models.get(model.version)
            rows.append(
                _small_row(each, len(names) + 1) if found is None else _treated_row(each.value, each.rows, each.positives, found, names)
            )
    return table(["users", "number", "with outcome 1", *map(title, names)], rows)


def _treated_row(name: str, users: int, positives: int, figures: Mapping[str, Estimate], names: Sequence[str], kind: str = "") -> str:
    cells = []
    for metric in names:
        found = figures.get(metric)
        wrong = metric == "calibration_ratio" and found is not None and _excludes(found, RIGHT)
        cells.append(figure_cell(metric, found, "worse" if wrong else "open"))
    share = f"{100 * positives / users:.1f} %"
    return f'<tr class="{kind}"><th>{escape(name)}</th><td class="count">{users:,}</td><td class="count">{share}</td>{"".join(cells)}</tr>'


def _excludes(estimate: Estimate, value: float) -> bool:
    return estimate.lower is not None and estimate.upper is not None and not estimate.lower <= value <= estimate.upper


def _column_row(column: str, width: int) -> str:
    return f'<tr class="column"><th colspan="{width}">{escape(sentence(column.replace("_", " ")))}</th></tr>'


def _small_row(each: Slice, width: int) -> str:
    why = f"too small to judge: {escape(each.too_small)}"
    return f'<tr class="small"><th>{escape(each.value)}</th><td class="count">{each.rows:,}</td><td colspan="{width}">{why}</td></tr>'
