"""Where the past says nothing about the future, no model may beat chance: the cheapest way to notice a leak.

Events come at one constant rate for everybody, so the history before a cutoff and the outcome after it are independent.
The whole path is used: cut timelines, features or sequences, labels, training at earlier cutoffs, judging other users at a later one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.definition import Definition
from features.feature_set import feature_set
from features.labels import outcome
from features.target import Target
from features.timeline import Timeline
from models import calibration, gbdt_training, sequence_classifier
from models.explanations import top_reasons
from models.gbdt_parameters import GbdtParameters
from models.metrics import auc
from models.sequence_classifier import SequenceParameters
from models.sequence_data import Block
from tests.learnability.taught import batch, samples
from tests.models.tiny_shop import EVENT_TYPES, START, memoryless

SEEDS = range(20)
PER_DAY, PURCHASES = 0.4, 0.2
TARGET = Target("purchase_7d", "occurs", "purchase", horizon_days=7)
TRUTH = 1 - np.exp(-PER_DAY * PURCHASES * TARGET.horizon_days)
TAUGHT, JUDGED = [START.plus_days(days) for days in (16, 24, 32)], START.plus_days(40)
COLUMNS = feature_set(Definition(EVENT_TYPES, (7, 30), 30))
GBDT = GbdtParameters(rounds=60, early_stopping=10, folds=3, min_leaf=10, threads=1)


def shop(seed: int, users: int, name: str) -> Timeline:
    return memoryless(users, days=48, per_day=PER_DAY, seed=1000 * seed + users, name=name)


def fitted(seed: int) -> gbdt_training.FittedGbdt:
    known = shop(seed, 600, "known")
    return gbdt_training.fit(samples(known, COLUMNS, {at: outcome(known, TARGET, at).label for at in TAUGHT}), COLUMNS, GBDT, seed)


def gbdt_auc(seed: int) -> float:
    strangers = shop(seed, 1000, "stranger")
    return auc(outcome(strangers, TARGET, JUDGED).label, fitted(seed).model.raw(batch(strangers, COLUMNS, JUDGED)))


def sequence_auc(seed: int) -> float:
    known, strangers = shop(seed, 600, "known"), shop(seed, 1000, "stranger")
    parameters = SequenceParameters(length=12, width=8, epochs=3, batch=128, learning_rate=0.01)
    rows = np.arange(known.users)
    model = sequence_classifier.fit(
        [Block(known, rows, TAUGHT[-1], outcome(known, TARGET, TAUGHT[-1]).label, rows)], parameters, seed
    ).model
    return auc(outcome(strangers, TARGET, JUDGED).label, model.raw(batch(strangers, COLUMNS, JUDGED)))


@pytest.mark.parametrize("judge", [gbdt_auc, sequence_auc])
def test_no_model_beats_chance_on_noise(judge: Callable[[int], float]) -> None:
    areas = np.array([judge(seed) for seed in SEEDS])
    error = areas.std(ddof=1) / len(areas) ** 0.5
    assert 0.002 < error < 0.01, "a constant score, or too few users to notice a leak"
    assert abs(areas.mean() - 0.5) <= 3 * error


def test_probabilities_and_reasons_collapse_to_the_base_rate_on_noise() -> None:
    off, moved = [], []
    for seed in range(5):
        found, strangers = fitted(seed), batch(shop(seed, 1000, "stranger"), COLUMNS, JUDGED)
        calibrator, raw = calibration.fit(found.y, found.raw), found.model.raw(strangers)
        off.append(np.abs(calibrator.probability(raw) - TRUTH).mean())
        _, effects = top_reasons(found.model.effects(strangers), found.model.features.sentences, raw, calibrator)
        moved.append(np.nan_to_num(np.abs(effects[:, 0])).mean())
    # The share of outcomes among 600 users is itself off by 0.016 on average.
    assert np.mean(off) < 0.03
    assert np.mean(moved) < 0.01, "the strongest reason moves the probability of a user about whom nothing can be known"
