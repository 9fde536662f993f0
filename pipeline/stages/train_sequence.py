"""The recurrent network for one target, on the users' event sequences, calibrated and registered as a candidate."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from features.cutoff import Cutoff
from features.target import Target
from models import sequence_classifier
from models.sequence_classifier import SequenceClassifier
from models.sequence_data import Block
from models.sequence_training import Epoch
from pipeline import sufficiency
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError
from pipeline.lake import Lake
from pipeline.progress import track
from pipeline.scoring.enrolment import Trained, Training, enrol, opened
from pipeline.sufficiency import Sufficiency
from pipeline.training_blocks import Samples, labelled_samples, load_blocks

logger = logging.getLogger(__name__)


def run(config: Config, target: Target, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:
    """Train as of `cutoff` on the labels matured by then; the registered version and its AUC on the held-out users.

    Of more samples than `training.sequence.max_samples`, that many are drawn by the seed. With too few of either outcome nothing is
    trained, and the result says why. Raises MissingInput if labels of a training cutoff have not been built, NotEnoughData without any,
    ConfigError for a target of kind `sum`: the network says nothing of amounts.
    """
    if target.kind == "sum":
        raise ConfigError(
            f"Target '{target.name}' is of kind 'sum', and the sequence model says nothing of amounts",
            mend=f"run `nightcast train-gbdt --target {target.name}` and `nightcast train-baselines` with it",
        )
    training = Training(config, target, cutoff, config.split(target, cutoff), configured_features(config))
    lake, settings = Lake(config.lake_url), config.training
    samples = labelled_samples(lake, target, training.split.training).drawn(settings.sequence.max_samples, settings.seed)
    found = sufficiency.judge(training, samples.labels)
    return sufficiency.trained_or_skipped(
        training, SequenceClassifier.kind, found, lambda: _registered(training, lake, samples, found, show=show)
    )


def _registered(training: Training, lake: Lake, samples: Samples, found: Sufficiency, *, show: bool) -> dict[str, Any]:
    """The result of a whole training. Raises NotEnoughData for what only shows in training."""
    buckets = track(samples.buckets, "timeline bucket", len(samples.buckets), show)
    blocks = load_blocks(lake, samples, buckets, training.config.source.event_types)
    with opened(training, SequenceClassifier.kind) as tracked:
        tracked.tags(found.tags)
        began = time.perf_counter()
        trained = _fit(training, blocks)
        result = enrol(training, tracked, trained, time.perf_counter() - began)
    logger.info("trained %s of %s as of %s: version %s", result["kind"], training.target.name, training.as_of, result["version"])
    return result


def _fit(training: Training, blocks: Sequence[Block]) -> Trained:
    settings = training.config.training
    parameters = sequence_classifier.SequenceParameters(**settings.sequence.model_dump(exclude={"max_samples"}))
    fitted = sequence_classifier.fit(blocks, parameters, settings.seed, on_epoch=_report)
    labels = np.concatenate([block.labels for block in blocks])
    return Trained(
        classifier=fitted.model,
        sentences=fitted.model.sentences(),
        y=labels[fitted.held_out],
        raw=fitted.held_out_raw,
        rows=len(labels),
        positives=int(labels.sum()),
        parameters=asdict(parameters),
        curves={
            "training": [epoch.training_loss for epoch in fitted.curve],
            "held_out": [epoch.held_out_loss for epoch in fitted.curve],
        },
        step="epoch",
    )


def _report(epoch: Epoch) -> None:
    logger.info("epoch %d: log loss %.4f in training, %.4f held out", epoch.number, epoch.training_loss, epoch.held_out_loss)
