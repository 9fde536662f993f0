"""Gradient-boosted trees for one target, cross-fitted by user, calibrated and registered as a candidate."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict
from typing import Any

from features.cutoff import Cutoff
from features.target import Target
from models import gbdt
from models.gbdt import FittedGbdt, GbdtParameters
from models.model_features import ModelFeatures
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.scoring.enrolment import Trained, Training, enrol, numbered, opened, require_enough
from pipeline.tracking.runs import Run
from pipeline.training_set import TrainingSet, training_set

logger = logging.getLogger(__name__)


def run(config: Config, target: Target, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:  # noqa: ARG001 – one fit, nothing to count
    """Train as of `cutoff` on the labels matured by then; the registered version and its out-of-fold AUC.

    Raises MissingInput if features or labels of a training cutoff have not been built, NotEnoughData for too few of either outcome.
    """
    held = config.split(target, cutoff)
    training = Training(config, target, cutoff, held, configured_features(config))
    rows = training_set(Lake(config.lake_url), training.features, target, held.training)
    require_enough(training, rows.labels)
    with opened(training, gbdt.Gbdt.kind) as tracked:
        began = time.perf_counter()
        fitted, parameters = _fit(training, rows)
        seconds = time.perf_counter() - began
        _describe(tracked, fitted.model.features)
        result = enrol(training, tracked, _trained(fitted, rows, parameters), seconds)
    logger.info("trained %s of %s as of %s: version %s", result["kind"], target.name, cutoff, result["version"])
    return result


def _fit(training: Training, rows: TrainingSet) -> tuple[FittedGbdt, GbdtParameters]:
    settings = training.config.training
    parameters = GbdtParameters(**settings.gbdt.model_dump(), threads=_threads())
    return gbdt.fit(rows.features, rows.labels, numbered(rows.user_ids), training.features, parameters, settings.seed), parameters


def _trained(fitted: FittedGbdt, rows: TrainingSet, parameters: GbdtParameters) -> Trained:
    features = fitted.model.features
    return Trained(
        classifier=fitted.model,
        sentences=features.sentences,
        y=rows.labels,
        raw=fitted.out_of_fold_raw,
        rows=len(rows.labels),
        positives=int(rows.labels.sum()),
        parameters={
            **asdict(parameters),
            "best_rounds": fitted.rounds,
            "model_features_fingerprint": features.fingerprint,
            "features_kept": len(features.names),
            "features_dropped": len(features.dropped),
        },
        curves={"held_out": fitted.curve.tolist()},
        step="round",
    )


def _describe(tracked: Run, features: ModelFeatures) -> None:
    """Which columns the model reads, and why not the others."""
    tracked.table("model_features.json", features.to_json())
    tracked.grid("dropped_features", {"feature": list(features.dropped), "reason": list(features.dropped.values())})
    logger.info("the model reads %s columns; %s tell nothing new", len(features.names), len(features.dropped))


def _threads() -> int:
    """Half the cores: the sequence model trains at the same time, and threads that wait for each other's core slow both down."""
    return max(1, (os.cpu_count() or 2) // 2)
