"""Gradient-boosted trees for one target, cross-fitted by user, calibrated and registered as a candidate."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict
from typing import Any

from features.cutoff import Cutoff
from features.splits import split
from features.target import Target
from models import gbdt
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.scoring.enrolment import Trained, Training, enrol, numbered, opened, require_enough
from pipeline.training_set import TrainingSet, training_set

logger = logging.getLogger(__name__)


def run(config: Config, target: Target, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:  # noqa: ARG001 – one fit, nothing to count
    """Train as of `cutoff` on the labels matured by then; the registered version and its out-of-fold AUC.

    Raises MissingInput if features or labels of a training cutoff have not been built, NotEnoughData for too few of either outcome.
    """
    held = split(target, cutoff, config.source.time_zone, cutoffs=config.training.cutoffs, step_days=config.training.step_days)
    training = Training(config, target, cutoff, held, configured_features(config))
    rows = training_set(Lake(config.lake_url), training.features, target, held.training)
    require_enough(training, rows.labels)
    with opened(training, gbdt.Gbdt.kind) as tracked:
        began = time.perf_counter()
        trained = _fit(training, rows)
        result = enrol(training, tracked, trained, time.perf_counter() - began)
    logger.info("trained %s of %s as of %s: version %s", result["kind"], target.name, cutoff, result["version"])
    return result


def _fit(training: Training, rows: TrainingSet) -> Trained:
    settings = training.config.training
    parameters = gbdt.GbdtParameters(**settings.gbdt.model_dump(), threads=_threads())
    fitted = gbdt.fit(rows.features, rows.labels, numbered(rows.user_ids), training.features.names, parameters, settings.seed)
    return Trained(
        classifier=fitted.model,
        sentences={feature.name: feature.sentence for feature in training.features.features},
        y=rows.labels,
        raw=fitted.out_of_fold_raw,
        rows=len(rows.labels),
        positives=int(rows.labels.sum()),
        parameters={**asdict(parameters), "best_rounds": fitted.rounds},
        curves={"held_out": fitted.curve.tolist()},
        step="round",
    )


def _threads() -> int:
    """Half the cores: the sequence model trains at the same time, and threads that wait for each other's core slow both down."""
    return max(1, (os.cpu_count() or 2) // 2)
