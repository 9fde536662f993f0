"""Where the past says nothing about the future, no model may beat chance: the cheapest way to notice a leak.

Events come at one constant rate for everybody, so the history before a cutoff and the outcome after it are independent.
The whole path is used: cut timelines, features or sequences, labels, training at an earlier cutoff, judging other users at a later one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.cutoff import Cutoff
from features.definition import Definition
from features.feature_set import feature_set
from features.labels import outcome
from features.target import Target
from features.timeline import Timeline
from models import gbdt, sequence_classifier
from models.classifier import Batch
from models.gbdt import GbdtParameters
from models.metrics import auc
from models.sequence_classifier import SequenceParameters
from models.sequence_data import Block
from tests.models.tiny_shop import EVENT_TYPES, START, memoryless

SEEDS = range(20)
TARGET = Target("purchase_7d", "occurs", "purchase", horizon_days=7)
TAUGHT, JUDGED = START.plus_days(30), START.plus_days(40)
COLUMNS = (7, 30)


def shop(seed: int, users: int, name: str) -> Timeline:
    return memoryless(users, days=48, per_day=0.4, seed=1000 * seed + users, name=name)


def batch(timeline: Timeline, cutoff: Cutoff) -> Batch:
    view = timeline.as_of(cutoff)
    return Batch(view, np.arange(view.users), cutoff, feature_set(Definition(EVENT_TYPES, COLUMNS, 30)).at(view, cutoff))


def gbdt_auc(seed: int) -> float:
    known, strangers = shop(seed, 600, "known"), shop(seed, 1000, "stranger")
    parameters = GbdtParameters(rounds=60, early_stopping=10, folds=3, min_leaf=10, threads=1)
    columns, taught = feature_set(Definition(EVENT_TYPES, COLUMNS, 30)), batch(known, TAUGHT)
    model = gbdt.fit(taught.features, outcome(known, TARGET, TAUGHT).label, taught.rows, columns, parameters, seed).model
    return auc(outcome(strangers, TARGET, JUDGED).label, model.raw(batch(strangers, JUDGED)))


def sequence_auc(seed: int) -> float:
    known, strangers = shop(seed, 600, "known"), shop(seed, 1000, "stranger")
    parameters = SequenceParameters(length=12, width=8, epochs=3, batch=128, learning_rate=0.01)
    rows = np.arange(known.users)
    model = sequence_classifier.fit([Block(known, rows, TAUGHT, outcome(known, TARGET, TAUGHT).label, rows)], parameters, seed).model
    return auc(outcome(strangers, TARGET, JUDGED).label, model.raw(batch(strangers, JUDGED)))


@pytest.mark.parametrize("judge", [gbdt_auc, sequence_auc])
def test_no_model_beats_chance_on_noise(judge: Callable[[int], float]) -> None:
    areas = np.array([judge(seed) for seed in SEEDS])
    error = areas.std(ddof=1) / len(areas) ** 0.5
    assert 0.002 < error < 0.01, "a constant score, or too few users to notice a leak"
    assert abs(areas.mean() - 0.5) <= 3 * error
