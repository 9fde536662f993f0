"""The parts of the evaluation's page about models over all users: how good each is, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from models.baselines import KINDS
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Difference, Evidence, Judged
from pipeline.evaluation.report.bars import bar, scale
from pipeline.evaluation.report.duel import Duel, duel, named, ranked
from pipeline.evaluation.report.parts import BY_INTERVAL, NONE, badge, difference_cell, figure_cell, folded, section, table
from pipeline.evaluation.report.words import title, verdict

FIRST = ("auc", "gini", "mae", "total_ratio", "average_precision", "log_loss", "ece", "recall", "lift_decile_1")
APART = ("auc", "gini", "mae", "average_precision", "log_loss", "ece", "recall")
"""Figures, and differences, that have a column; all other figures can be unfolded."""
CHANCE = 0.5


def standings(evidence: Evidence, decision: Decision) -> str:
    """Every model that was judged, the best first."""
    if not evidence.models:
        return section("models", "The models", "None could be judged.")
    names = [name for name in FIRST if name in _names(evidence.models)]
    on = scale([model.figures["auc"] for model in evidence.models], CHANCE)
    sides = duel(evidence, decision)

    def row(model: Judged) -> str:
        cells = "".join(figure_cell(name, model.figures.get(name)) for name in names)
        marked = ' class="chosen"' if model is sides.scorer else ""
        drawn = f'<td class="draw">{bar(model.figures["auc"], on)}</td>'
        return f"<tr{marked}><th>{escape(named(model))}{_role(model, sides, decision)}</th>{drawn}{cells}</tr>"

    about = (
        f"All on the same {evidence.rows:,} users, the best first; below each figure its 95 % interval. AUC: the chance that a user with "
        "outcome 1 ranks above one without; the mark is 0.5, which guessing reaches. Log loss, Brier score and calibration error: less is "
        f"better.{_at(evidence)}"
    )
    every = table(["figure", *(named(model) for model in ranked(evidence))], _every(evidence))
    shown = table(["model", "", *map(title, names)], map(row, ranked(evidence)), "drawn")
    return section("models", "The models", about, shown, folded("All figures of all models", every))


def leads(evidence: Evidence, decision: Decision) -> str:
    """The considered model's differences to each other model, and those of all pairs."""
    sides = duel(evidence, decision)
    if sides.model is None or len(evidence.models) < 2:
        return ""
    others = sorted((each for each in ranked(evidence) if each is not sides.model), key=lambda other: other is not sides.rival)
    pairs = [evidence.between(sides.model.version, other.version) for other in others]
    about = (
        f"Figures of {named(sides.model)} minus those of each other model, user by user on the same rows. Such a difference is surer than "
        "the models' own intervals suggest, for both meet the same luck. Blue: the whole interval says better; orange: worse; gray: open."
    )
    rest = "" if len(evidence.models) < 3 else folded("Every pair of models", _pairs(evidence, evidence.differences, both=True))
    return section("lead", "How far apart", about, _pairs(evidence, pairs, both=False), rest)


def _pairs(evidence: Evidence, pairs: Sequence[Difference], *, both: bool) -> str:
    names = [name for name in APART if any(name in pair.figures for pair in pairs)]
    on = scale([pair.figures["auc"] for pair in pairs], 0.0)
    kinds = {model.version: named(model) for model in evidence.models}

    def row(pair: Difference) -> str:
        cells = []
        for name in names:
            found = pair.figures.get(name)
            tone = verdict(name, found) if found else "open"
            cells.append(difference_cell(name, found, tone))
        said = verdict("auc", pair.figures["auc"])
        who = f"{kinds[pair.version]} − {kinds[pair.other]}" if both else f"to {kinds[pair.other]}"
        drawn = f'<td class="draw">{bar(pair.figures["auc"], on, said)}</td>'
        return f'<tr><th>{escape(who)}<small class="{said}">{BY_INTERVAL[said]}</small></th>{drawn}{"".join(cells)}</tr>'

    return table(["difference", "", *map(title, names)], map(row, pairs), "drawn")


def _role(model: Judged, sides: Duel, decision: Decision) -> str:
    roles = []
    if model.version == decision.champion:
        roles.append(badge("champion", "champion"))
    if model is sides.model and model.version != decision.champion:
        roles.append(badge("proposed" if decision.promoted else "considered", "proposed"))
    if model.kind in KINDS:
        roles.append(badge("baseline", "plain"))
    return f"<small>{' '.join(roles)}</small>" if roles else ""


def _at(evidence: Evidence) -> str:
    return f" Precision, recall and the like: {evidence.operating_point}." if evidence.operating_point else ""


def _every(evidence: Evidence) -> Iterable[str]:
    for name in _names(evidence.models):
        cells = "".join(figure_cell(name, model.figures[name]) if name in model.figures else NONE for model in ranked(evidence))
        yield f"<tr><th>{escape(title(name))}</th>{cells}</tr>"


def _names(models: Sequence[Judged]) -> list[str]:
    return list(dict.fromkeys(name for model in models for name in model.figures))
