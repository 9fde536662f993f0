"""A pattern that lies in the order of events alone: the sequence model finds it, the feature matrix does not hold it."""

from __future__ import annotations

import numpy as np
import pytest

from features.definition import Definition
from features.feature_set import FeatureSet, feature_set
from features.timeline import Timeline
from models import gbdt_training, sequence_classifier
from models.classifier import Batch
from models.gbdt_parameters import GbdtParameters
from models.metrics import auc
from models.sequence_classifier import SequenceParameters
from models.sequence_data import Block
from tests.learnability.taught import batch, samples
from tests.models.tiny_shop import EVENT_TYPES, START, written

CUTOFF = START.plus_days(30)
USERS = 1500


def shop(seed: int) -> tuple[Timeline, np.ndarray]:
    """Some views and carts at the beginning and at the end, and in the middle a cart and a purchase ten minutes apart, in either order.

    The outcome is that order. Days before, between and after are drawn alike for both outcomes, so counts, recencies and gaps say nothing.
    """
    random = np.random.default_rng(seed)
    events, outcome = [], random.integers(0, 2, USERS).astype(np.int8)
    for user, cart_first in enumerate(outcome):
        name, middle = f"u{user:05d}", float(random.uniform(10, 20))
        around = [*random.uniform(1, 9, random.integers(1, 5)), *random.uniform(21, 29, random.integers(1, 5))]
        pair = ("cart", "purchase") if cart_first else ("purchase", "cart")
        events += [(name, float(time), str(random.choice(["view", "cart"]))) for time in around]
        events += [(name, time, "purchase") for time in (0.5, 29.5)]
        events += [(name, time, "cart") for time in (0.6, 29.6)]
        events += [(name, middle, pair[0]), (name, middle + 10 / 24 / 60, pair[1])]
    return written(events), outcome


@pytest.fixture(scope="module")
def columns() -> FeatureSet:
    return feature_set(Definition(EVENT_TYPES, (7, 30), 30))


@pytest.fixture(scope="module")
def taught() -> tuple[Timeline, np.ndarray]:
    return shop(1)


@pytest.fixture(scope="module")
def judged() -> tuple[Timeline, np.ndarray]:
    return shop(2)


def test_the_sequence_model_finds_the_order(taught: tuple[Timeline, np.ndarray], judged: tuple[Timeline, np.ndarray]) -> None:
    timeline, y = taught
    rows = np.arange(USERS)
    parameters = SequenceParameters(length=16, width=16, epochs=20, batch=64, learning_rate=0.01, dropout=0.0)
    model = sequence_classifier.fit([Block(timeline, rows, CUTOFF, y, rows)], parameters, seed=1).model
    strangers, outcome = judged
    assert auc(outcome, model.raw(Batch(strangers.as_of(CUTOFF), rows, CUTOFF, np.zeros((USERS, 0))))) >= 0.9


def test_the_feature_matrix_does_not_hold_it(
    taught: tuple[Timeline, np.ndarray], judged: tuple[Timeline, np.ndarray], columns: FeatureSet
) -> None:
    (timeline, y), (strangers, outcome) = taught, judged
    model = gbdt_training.fit(samples(timeline, columns, {CUTOFF: y}), columns, GbdtParameters(threads=1), seed=1).model
    assert auc(outcome, model.raw(batch(strangers, columns, CUTOFF))) == pytest.approx(0.5, abs=0.06)
