"""Where evidence is kept: figures in the warehouse, everything in an MLflow run of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from models.classifier import Labels
from pipeline.config import Config
from pipeline.evaluation import figures
from pipeline.evaluation.assessment import Answers
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Estimate, Evidence, Judged
from pipeline.evaluation.recollection import EVALUATION, EVIDENCE
from pipeline.lake import Lake
from pipeline.tracking import runs
from pipeline.tracking.registry import ModelVersion
from pipeline.tracking.runs import Run
from pipeline.warehouse import open_warehouse

QUALITY_TABLE = "model_quality"
PROPOSAL = "proposal.json"
"""What the rule said of the evidence when it was kept; promotion decides again, by what holds then."""
ALL_USERS = "all"


def keep(
    config: Config,
    evidence: Evidence,
    y: Labels,
    answers: Sequence[Answers],
    candidates: Sequence[ModelVersion],
    *,
    decision: Decision | None = None,
    read: Mapping[str, int | None] = MappingProxyType({}),
) -> None:
    """Write the evidence down: `model_quality` rows, metrics on each candidate's own run, and an evaluation run with figures.

    decision  the proposal that follows from the evidence; read: lake table → version that the answers come from
    The evaluation run comes last and ends as finished only when all of it is stored: `recollection.recall` relies on that.
    """
    with open_warehouse(config) as warehouse:
        for model in evidence.models:
            key = {"target": evidence.target, "cutoff": evidence.evaluation.instant, "model_version": model.version, "basis": "validation"}
            warehouse.replace(QUALITY_TABLE, key, _quality(evidence, model))
    for candidate in candidates:
        if judged := evidence.model(candidate.version):
            runs.existing(config, candidate.run_id).metrics(_flat("evaluation_", judged))
    tags = {"kind": EVALUATION, "cutoff": evidence.as_of.key, "evaluation_cutoff": evidence.evaluation.key}
    with runs.opened(config, evidence.target, f"{EVALUATION} {evidence.as_of}", tags) as run:
        _read(config, run, evidence, read)
        if decision:
            run.table(PROPOSAL, decision.to_json())
        _log(run, evidence, y, [answer for answer in answers if evidence.model(answer.version)])


def quality_rows(figures_of: Mapping[str, Estimate], rows: int, users: str = ALL_USERS) -> pa.Table:
    """One row of `model_quality` per figure, without the key columns that say which model; `users` is `all` or a slice's name."""
    estimates = list(figures_of.values())
    return pa.table(
        {
            "slice": pa.array([users] * len(estimates)),
            "metric": pa.array(list(figures_of)),
            **{end: pa.array([getattr(each, end) for each in estimates], pa.float64()) for end in ("value", "lower", "upper")},
            "rows": pa.array([rows] * len(estimates), pa.int64()),
        }
    )


def _quality(evidence: Evidence, model: Judged) -> pa.Table:
    parts = [quality_rows(each.models[model.version], each.rows, each.name) for each in evidence.slices if model.version in each.models]
    return pa.concat_tables([quality_rows(model.figures, evidence.rows), *parts])


def _read(config: Config, run: Run, evidence: Evidence, read: Mapping[str, int | None]) -> None:
    """The tables of the lake as the run's data sets; a digest is that of what was read: the table's name, version, target and cutoff."""
    lake, told = Lake(config.lake_url), {"target": evidence.target, "cutoffs": [str(evidence.evaluation)]}
    for table, version in read.items():
        digest = hashlib.sha256(json.dumps([table, version, told], sort_keys=True).encode()).hexdigest()
        run.dataset(table, digest, lake.uri(table), version, context="evaluation", profile=told)


def _log(run: Run, evidence: Evidence, y: Labels, answers: Sequence[Answers]) -> None:
    run.params({"evaluation_cutoff": evidence.evaluation, "rows": evidence.rows, "positives": evidence.positives})
    for model in evidence.models:
        run.metrics(_flat(f"{model.kind}_v{model.version}_", model))
    named = {f"{answer.kind} v{answer.version}": answer for answer in answers}
    for name, figure in figures.judgement(y, {name: answer.probability for name, answer in named.items()}):
        run.figure(name, figure)
    run.grid("metrics", _grid(evidence))
    run.tags({"mlflow.note.content": note(evidence)})
    run.table(EVIDENCE, evidence.to_json())


def note(evidence: Evidence) -> str:
    """The run's description in MLflow, in Markdown: every model's figures, the best first, and who was set aside."""
    names = list(dict.fromkeys(name for model in evidence.models for name in model.figures))
    best = sorted(evidence.models, key=lambda model: -model.figures["auc"].value)
    lines = [
        f"Models of **{evidence.target}** as of {evidence.as_of}, judged at {evidence.evaluation} on the same {evidence.rows:,} users, "
        f"{evidence.positives:,} with outcome 1.",
        "",
        f"| model | {' | '.join(name.replace('_', ' ') for name in names)} |",
        f"|---|{'---|' * len(names)}",
        *(f"| {model.kind} v{model.version} | {' | '.join(_cell(model.figures.get(name)) for name in names)} |" for model in best),
        *(f"\nSet aside: version {version}, {why}" for version, why in sorted(evidence.set_aside.items())),
    ]
    return "\n".join(lines)


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    ends = f" ({estimate.lower:.3f} to {estimate.upper:.3f})" if estimate.lower is not None and estimate.upper is not None else ""
    return f"{estimate.value:.4g}{ends}"


def _flat(prefix: str, model: Judged) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, estimate in model.figures.items():
        ends = {"": estimate.value, "_lower": estimate.lower, "_upper": estimate.upper}
        flat |= {f"{prefix}{name}{suffix}": value for suffix, value in ends.items() if value is not None}
    return flat


def _grid(evidence: Evidence) -> dict[str, list[Any]]:
    cells = [(model, name, estimate) for model in evidence.models for name, estimate in model.figures.items()]
    return {
        "model": [f"{model.kind} v{model.version}" for model, _, _ in cells],
        "metric": [name for _, name, _ in cells],
        **{end: [getattr(estimate, end) for _, _, estimate in cells] for end in ("value", "lower", "upper")},
    }
