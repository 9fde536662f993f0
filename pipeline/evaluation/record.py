"""Where evidence is kept: figures in the warehouse, everything in an MLflow run of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from features.cutoff import local_name
from models.classifier import Labels
from pipeline.config import Config
from pipeline.evaluation.assessment import Answers
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Estimate, Evidence, Judged
from pipeline.evaluation.figures.album import album
from pipeline.evaluation.quality_history import ALL_USERS, quality_history
from pipeline.evaluation.recollection import EVALUATION, EVIDENCE
from pipeline.evaluation.report.duel import duel, named, ranked
from pipeline.evaluation.report.page import headline, page, why
from pipeline.evaluation.report.words import interval, sentence, shown, title
from pipeline.lake import Lake
from pipeline.tracking import runs
from pipeline.tracking.registry import ModelVersion
from pipeline.tracking.runs import Run
from pipeline.warehouse import open_warehouse

QUALITY_TABLE = "model_quality"
REPORT = "report.html"
PROPOSAL = "proposal.json"
"""What the rule said of the evidence when it was kept; promotion decides again, by what holds then."""
MAIN = ("auc", "average_precision", "log_loss", "brier", "ece", "mae", "rmse", "gini", "total_ratio")
"""Figures that are compared at a glance."""
LOGGED = (*MAIN, "accuracy", "precision", "recall", "f1", "lift_decile_1", "gain_decile_1")
"""Figures that are metrics of runs; all of them, those of every decile and group too, are in the evidence and its table."""


def keep(
    config: Config,
    evidence: Evidence,
    decision: Decision,
    y: Labels,
    answers: Sequence[Answers],
    candidates: Sequence[ModelVersion],
    read: Mapping[str, int | None],
) -> None:
    """Write the evidence down: `model_quality` rows, metrics on each candidate's own run, and an evaluation run with pictures and a page.

    decision  the proposal that follows from the evidence
    y, answers  (n,) outcomes and what the models said of them; without answers no picture of them is drawn
    read      lake table → version that all of it comes from
    The evaluation run comes last and ends as finished only when all of it is stored: `recollection.recall` relies on that.
    """
    with open_warehouse(config) as warehouse:
        for model in evidence.models:
            key = {"target": evidence.target, "cutoff": evidence.evaluation.instant, "model_version": model.version, "basis": "validation"}
            warehouse.replace(QUALITY_TABLE, key, _quality(evidence, model))
        asked = [version for version in (decision.version, decision.champion) if version]
        history = quality_history(warehouse, evidence.target, evidence.as_of, asked)
    for candidate in candidates:
        if judged := evidence.model(candidate.version):
            runs.existing(config, candidate.run_id).metrics(_flat("evaluation_", judged.figures, LOGGED))
    zone, parent = config.source.time_zone, runs.training(config, evidence.target, evidence.as_of)
    tags = {"kind": EVALUATION, "cutoff": evidence.as_of.key, "evaluation_cutoff": evidence.evaluation.key}
    with runs.opened(config, evidence.target, f"{EVALUATION} {local_name(evidence.as_of, zone)}", tags, parent=parent) as run:
        _log_tables(config, run, evidence, read)
        _log_figures(run, evidence, decision)
        pictures = album(evidence, duel(evidence, decision), y, [each for each in answers if evidence.model(each.version)], history)
        for name, png in pictures.items():
            run.picture(name, png)
        sources = {table: f"version {version} of the lake's table" for table, version in read.items()}
        run.text(REPORT, page(evidence, decision, pictures, history, sources, zone=zone))
        run.table(PROPOSAL, decision.to_json())
        run.table(EVIDENCE, evidence.to_json())


def quality_rows(figures_of: Mapping[str, Estimate], rows: int, users: str = ALL_USERS) -> pa.Table:
    """One row of `model_quality` per figure, without the key columns that say which model; NaN becomes null.

    users  `all` or a slice's name
    """
    estimates = list(figures_of.values())
    return pa.table(
        {
            "slice": pa.array([users] * len(estimates)),
            "metric": pa.array(list(figures_of)),
            **{
                end: pa.array([getattr(each, end) for each in estimates], pa.float64(), from_pandas=True)
                for end in ("value", "lower", "upper")
            },
            "rows": pa.array([rows] * len(estimates), pa.int64()),
        }
    )


def _quality(evidence: Evidence, model: Judged) -> pa.Table:
    parts = [quality_rows(each.models[model.version], each.rows, each.name) for each in evidence.slices if model.version in each.models]
    return pa.concat_tables([quality_rows(model.figures, evidence.rows), *parts])


def _log_tables(config: Config, run: Run, evidence: Evidence, read: Mapping[str, int | None]) -> None:
    """The tables of the lake as the run's data sets; a digest is that of what was read: the table's name, version, target and cutoff."""
    lake, told = Lake(config.lake_url), {"target": evidence.target, "cutoffs": [str(evidence.evaluation)]}
    for table, version in read.items():
        digest = hashlib.sha256(json.dumps([table, version, told], sort_keys=True).encode()).hexdigest()
        run.dataset(table, digest, lake.uri(table), version, context="evaluation", profile=told)


def _log_figures(run: Run, evidence: Evidence, decision: Decision) -> None:
    """All figures in a table; as metrics the main ones of each model, and all of the considered one under the names that candidates use."""
    run.params({"evaluation_cutoff": evidence.evaluation, "rows": evidence.rows, "positives": evidence.positives})
    sides = duel(evidence, decision)
    for model in evidence.models:
        run.metrics(_flat(f"{model.kind}_v{model.version}_", model.figures, MAIN))
    if sides.model:
        run.metrics(_flat("evaluation_", sides.model.figures, LOGGED))
    if sides.model and sides.rival:
        run.metrics(_flat("lead_", evidence.between(sides.model.version, sides.rival.version).figures, LOGGED))
    run.grid("metrics", _grid(evidence))
    run.tags({"mlflow.note.content": note(evidence, decision), "proposal": "promote" if decision.promoted else "keep"})


def note(evidence: Evidence, decision: Decision) -> str:
    """The run's description in MLflow, in Markdown: who should score and why, the models, the best first, and all reasons."""
    names = [name for name in MAIN if any(name in model.figures for model in evidence.models)]
    lines = [
        f"**{headline(evidence, decision)}.** {why(evidence, decision)} The whole story, with pictures: artifact `{REPORT}`.",
        "",
        f"| model | {' | '.join(map(title, names))} |",
        f"|---|{'---|' * len(names)}",
        *(f"| {named(model)} | {' | '.join(_cell(name, model.figures.get(name)) for name in names)} |" for model in ranked(evidence)),
        "",
        f"As of {evidence.as_of}, judged at {evidence.evaluation}: {evidence.rows:,} users, {evidence.positives:,} with outcome 1.",
        "",
        *(f"- {sentence(reason)}" for reason in decision.reasons),
        *(f"- Set aside: version {version}, {aside}" for version, aside in sorted(evidence.set_aside.items())),
    ]
    return "\n".join(lines)


def _cell(name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    ends = interval(name, estimate)
    return shown(name, estimate) + (f" ({ends})" if ends else "")


def _flat(prefix: str, figures: Mapping[str, Estimate], names: Sequence[str]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, estimate in figures.items():
        if name not in names:
            continue
        ends = {"": estimate.value, "_lower": estimate.lower, "_upper": estimate.upper}
        flat |= {f"{prefix}{name}{suffix}": value for suffix, value in ends.items() if value is not None}
    return flat


def _grid(evidence: Evidence) -> dict[str, list[Any]]:
    parts = [(ALL_USERS, evidence.rows, {model.version: model.figures for model in evidence.models})]
    parts += [(each.name, each.rows, dict(each.models)) for each in evidence.slices]
    names = {model.version: named(model) for model in evidence.models}
    cells = [
        (users, rows, names[version], metric, estimate)
        for users, rows, models in parts
        for version, figures in models.items()
        for metric, estimate in figures.items()
    ]
    return {
        "users": [users for users, *_ in cells],
        "rows": [rows for _, rows, *_ in cells],
        "model": [model for _, _, model, _, _ in cells],
        "metric": [metric for *_, metric, _ in cells],
        **{end: [getattr(estimate, end) for *_, estimate in cells] for end in ("value", "lower", "upper")},
    }
