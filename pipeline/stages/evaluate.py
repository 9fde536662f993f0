"""Judge every candidate of a training, and the champion, on the same later rows; the evidence goes to MLflow and the warehouse."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.cutoff import Cutoff
from features.target import Target
from models.baselines import BaseRate
from models.classifier import Floats, Labels
from pipeline.cluster import cluster
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput, NotEnoughData
from pipeline.evaluation import record
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.decision import Decision, Rule
from pipeline.evaluation.evidence import LEAST_OF_EACH, Evidence, rankable
from pipeline.evaluation.groups import require_known
from pipeline.evaluation.promotion import decide
from pipeline.evaluation.rows import BucketAnswers, JudgeTask, judge_bucket
from pipeline.evaluation.slicing import Column
from pipeline.lake import Lake
from pipeline.scoring.artifact import MadeForOther
from pipeline.scoring.inputs import bucket_inputs, known_users
from pipeline.scoring.loan import Loaned, download, enough_workers
from pipeline.tracking import registry
from pipeline.tracking.registry import ModelVersion
from pipeline.training_set import LABELS_TABLE, definition

logger = logging.getLogger(__name__)

SHOWN = ("average_precision", "log_loss", "brier", "ece", "mae", "rmse", "gini", "total_ratio")
"""Figures in the result, beside the AUC; all of them are in the evidence."""

USERS_PER_WORKER = 20_000
"""So many users a network judges in about the time that one more worker needs to start."""


@dataclass(frozen=True)
class _Rows:
    """The n users that all models are judged on; groups: column → (n,); read: lake table → version."""

    y: Labels
    answers: list[Answers]
    amounts: Floats | None
    groups: Mapping[str, Column]
    read: Mapping[str, int | None]


def run(config: Config, target: Target, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:
    """Judge the newest version of each kind trained as of `cutoff`, and the champion, at the evaluation cutoff of that training.

    Result: per candidate its kind, version and main figures; rows, positives, the best version, and as `proposal` what promotion would
    say of it first. `cutoff` there is the evaluation cutoff.
    Where too few users of an outcome are there to rank by, the base rate alone is judged, and the others are set aside with the reason.
    Raises MissingInput without candidates, labels or features; NotEnoughData without a labelled user, and where too few of an outcome
    are there and no base rate; ConfigError for an unknown column in `evaluation.slices`.
    """
    require_known(config.evaluation.slices, configured_features(config).names)
    held = config.split(target, cutoff).evaluation
    candidates = registry.candidates(config, target.name, cutoff)
    if not candidates:
        raise MissingInput(
            f"No model of {target.name} was trained as of {cutoff}",
            mend=f"run `nightcast train-gbdt --target {target.name} --cutoff {cutoff}` (or train-sequence) first",
        )
    champion = registry.find_champion(config, target.name)
    with tempfile.TemporaryDirectory(prefix="nightcast-") as folder:
        models, aside = _contenders(config, target, candidates, champion, Path(folder))
        rows = _judge(config, target, held, models, show)
    settings, seed = config.evaluation, config.training.seed
    evidence = weigh(target.name, cutoff, held, rows.y, rows.answers, aside, rows.amounts, groups=rows.groups, settings=settings, seed=seed)
    decision = decide(evidence, champion.version if champion else None, Rule(**config.promotion.rule))
    shown = rows.answers if evidence.rankable else ()  # every picture needs both outcomes
    record.keep(config, evidence, decision=decision, y=rows.y, answers=shown, candidates=candidates, read=rows.read)
    logger.info("judged %s as of %s: %s models on %s users", target.name, cutoff, len(evidence.models), evidence.rows)
    return _result(evidence, champion, decision)


def _contenders(
    config: Config, target: Target, candidates: Sequence[ModelVersion], champion: ModelVersion | None, folder: Path
) -> tuple[list[Loaned], dict[str, str]]:
    """The models to judge, and those set aside. A champion made for other features cannot answer; a changed file is an error."""
    models, aside = [download(config, target, model, folder) for model in candidates], {}
    if champion and all(champion.version != model.version for model in candidates):
        try:
            models.append(download(config, target, champion, folder))
        except MadeForOther as refusal:
            aside[champion.version] = refusal.message
    return models, aside


def _judge(config: Config, target: Target, held: Cutoff, models: Sequence[Loaned], show: bool) -> _Rows:
    """What happened to the labelled users of the evaluation cutoff, and every model's answers."""
    lake = Lake(config.lake_url)
    labels, labelled = _labelled(lake, target, held)
    inputs = [each for each in bucket_inputs(config, lake, held) if each.bucket in labelled]
    files = tuple(model.file for model in models)
    tasks = [JudgeTask(each, labels, target.name, files, config.evaluation.slices) for each in inputs]
    users = known_users(config, lake, held)
    with cluster(enough_workers(config, [model.model for model in models], users, USERS_PER_WORKER)) as workers:
        parts = workers.map(judge_bucket, tasks, label=f"{target.name} bucket", show=show)
    y = np.concatenate([np.empty(0, dtype=np.int8), *(part.y for part in parts)])  # labels of nobody may lie where nobody has features
    _require_judgeable(y, target, held, models)
    return _Rows(
        y,
        _answers(models, parts),
        _joined([part.amounts for part in parts]),
        {column: np.concatenate([part.groups[column] for part in parts]) for column in parts[0].groups},
        {LABELS_TABLE: labels, inputs[0].features_table: inputs[0].features_version},
    )


def _require_judgeable(y: Labels, target: Target, held: Cutoff, models: Sequence[Loaned]) -> None:
    """Somebody must have an outcome; and where users cannot be ranked by it, there must be a base rate to fall back on."""
    mend = "judge at a later cutoff, or widen the target's eligibility"
    if not len(y):
        raise NotEnoughData(f"At {held} no user has an outcome of {target.name}", mend=mend)
    positives, base_rate = int(y.sum()), any(each.model.kind == BaseRate.kind for each in models)
    if not (base_rate or rankable(positives, len(y))):
        raise NotEnoughData(
            f"At {held} {positives} of {len(y)} users have outcome 1 of {target.name}; at least {LEAST_OF_EACH} of each are needed "
            f"where there is no model of kind {BaseRate.kind}",
            mend=f"run `nightcast train-baselines --target {target.name} --cutoff …` first, {mend}",
        )


def _answers(models: Sequence[Loaned], parts: Sequence[BucketAnswers]) -> list[Answers]:
    raw, probability = (np.concatenate([getattr(part, name) for part in parts]) for name in ("raw", "probability"))
    expected = _joined([part.expected for part in parts])
    return [
        Answers(
            model.version,
            model.kind,
            model.labels_until,
            raw[:, column],
            probability[:, column],
            None if expected is None else expected[:, column],
            model.checks,
        )
        for column, model in enumerate(each.model for each in models)
    ]


def _joined(parts: Sequence[Floats | None]) -> Floats | None:
    """The buckets' rows as one; None where the target is no sum."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None


def _labelled(lake: Lake, target: Target, held: Cutoff) -> tuple[int, set[int]]:
    """The version of the lake's labels, and the buckets that have some of this target at this cutoff."""
    version, partition = lake.version(LABELS_TABLE), {"target": target.name, "cutoff": held.key}
    found = lake.partitions(LABELS_TABLE) if version is not None else []
    buckets = {int(each["bucket"]) for each in found if partition.items() <= each.items()}
    mend = "run `nightcast build-features --training --cutoff …` with the same cutoff first; there must be events before it"
    if version is None or not buckets:
        raise MissingInput(f"The lake has no labels of {target.name} at {held}, where this training is judged", mend=mend)
    if lake.metadata(LABELS_TABLE, partition).get("definition", definition(target)) != definition(target):
        raise MissingInput(f"The labels of {target.name} at {held} were built for another definition of the target", mend=mend)
    return version, buckets


def _result(evidence: Evidence, champion: ModelVersion | None, decision: Decision) -> dict[str, Any]:
    candidates = []
    for model in evidence.models:
        auc = model.figures["auc"]
        others = {name: model.figures[name].value for name in SHOWN if name in model.figures}
        champions = champion is not None and champion.version == model.version
        candidates.append(
            {
                "kind": model.kind,
                "version": model.version,
                "auc": auc.value,
                "lower": auc.lower,
                "upper": auc.upper,
                **others,
                "champion": champions,
            }
        )
    return {
        "target": evidence.target,
        "as_of": str(evidence.as_of),
        "cutoff": str(evidence.evaluation),
        "rows": evidence.rows,
        "positives": evidence.positives,
        "candidates": candidates,
        "best": evidence.best.version if evidence.best else None,
        "proposal": decision.reasons[0],
        "set_aside": [f"version {version}: {why}" for version, why in sorted(evidence.set_aside.items())],
    }
