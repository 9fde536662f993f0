"""Ours: the trainer and the calibration of `nightcast train-gbdt` with a profile's own settings, on features in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.target import Target
from features.timeline import Timeline
from models import calibration, gbdt_training
from models.classifier import Batch
from models.gbdt_parameters import GbdtParameters
from models.samples import InMemory, Samples
from pipeline.config_sections import Training
from tests.benchmarks.quality_judging import Columns, Judged, refuse_late, sample


def trained(
    timeline: Timeline,
    target: Target,
    training: Sequence[Cutoff],
    cutoff: Cutoff,
    columns: Columns,
    features: FeatureSet,
    settings: Training,
) -> Judged:
    """The eligible users of a cutoff with calibrated probabilities, by a model taught at ascending cutoffs.

    `columns` gives the matrix of `features`. One thread, unless the settings say otherwise: other work cannot hold it up.
    """
    refuse_late(target, training, cutoff)
    samples = _samples(timeline, target, training, columns)
    parameters = GbdtParameters(**settings.gbdt.model_dump())
    parameters = replace(parameters, threads=parameters.threads or 1)
    fitted = gbdt_training.fit(samples, features, parameters, settings.seed)
    calibrator = calibration.fit(fitted.y, fitted.raw, seed=settings.seed)
    if fitted.refitted_raw is not None:
        calibrator = calibrator.levelled(fitted.y, fitted.refitted_raw)
    users, X, happened = sample(timeline, target, cutoff, columns)
    return Judged(users, calibrator.probability(fitted.model.raw(Batch(timeline, users, cutoff, X))), happened)


def _samples(timeline: Timeline, target: Target, training: Sequence[Cutoff], columns: Columns) -> Samples:
    found = [sample(timeline, target, taught, columns) for taught in training]
    users, labels = (np.concatenate([each[part] for each in found]) for part in (0, 2))
    return Samples(
        users=users.astype(np.int64),
        labels=labels,
        amounts=np.full(len(labels), np.nan),
        cutoff=np.repeat(np.arange(len(found), dtype=np.int32), [len(each[0]) for each in found]),
        cutoffs=tuple(training),
        blocks=[InMemory(X) for _, X, _ in found],
    )
