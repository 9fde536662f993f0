"""A network that nobody trained, with weights drawn at random: every input of it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from features import vocabulary
from features.sequences import NUMBERS
from features.timeline import Timeline
from models import sequence_network
from models.calibration import Calibrator
from models.sequence_classifier import SequenceClassifier
from pipeline.scoring.artifact import pack
from tests.models.tiny_shop import START
from tests.pipeline.scoring.conftest import FINGERPRINT, TARGET

CALIBRATOR = Calibrator(slope=0.7, intercept=-0.2)


def small_network(timeline: Timeline, length: int = 8) -> SequenceClassifier:
    """Knows three items and the categories of this timeline."""
    known = vocabulary.fit([timeline], max_items=3, max_categories=10)
    network = sequence_network.build(
        event_types=len(timeline.event_types),
        items=len(known.items),
        categories=len(known.categories),
        mean=np.zeros(len(NUMBERS)),
        variance=np.ones(len(NUMBERS)),
        width=6,
        dropout=0.0,
    )
    random = np.random.default_rng(7)
    for weight in network.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return SequenceClassifier(network, known, length, timeline.event_types, 1.0)


def packed(folder: Path, network: SequenceClassifier) -> str:
    """Write its artifact into `folder`, which is empty; the sha256 of the manifest."""
    return pack(folder, network, CALIBRATOR, {}, target=TARGET, fingerprint=FINGERPRINT, features=(), cutoffs=[START.plus_days(20)])
