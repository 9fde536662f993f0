from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from features import sequences
from features.vocabulary import Vocabulary
from models import sequence_data
from models.sequence_data import Block, Samples, TrainingBatches, inputs
from tests.models.tiny_shop import START, memoryless

VOCABULARY = Vocabulary(("item1", "item2", "item3"), ("category0", "category2"))
LENGTH = 6


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Two buckets at two cutoffs: four blocks of different sizes. A sample's label says whether its position is odd."""
    blocks, start = [], 0
    for bucket in (0, 1):
        timeline = memoryless(40 + bucket, 20, 0.5, seed=bucket, name=f"b{bucket}u")
        for day in (10, 15):
            rows = np.arange(day - 5, timeline.users)
            labels = ((start + np.arange(len(rows))) % 2).astype(np.int8)
            blocks.append(Block(timeline, rows, START.plus_days(day), labels, rows + 1000 * bucket))
            start += len(rows)
    return Samples(blocks, LENGTH, VOCABULARY)


def test_positions_are_gathered_in_the_order_asked(samples: Samples) -> None:
    gathered = samples.gather(np.array([70, 3, 3, 0]))
    for place, (number, within) in enumerate([(2, 70 - 35 - 30), (0, 3), (0, 3), (0, 0)]):
        block = samples.blocks[number]
        view = block.timeline.as_of(block.cutoff)
        expected = inputs(sequences.gather(view, block.rows[[within]], block.cutoff, LENGTH, VOCABULARY))
        for name, steps in gathered.items():
            np.testing.assert_array_equal(steps[place], expected[name][0])


def test_events_from_the_cutoff_on_are_never_gathered(samples: Samples) -> None:
    hours = np.expm1(samples.gather(np.arange(len(samples.labels)))["numbers"][..., sequences.NUMBERS.index("log_hours_before_cutoff")])
    assert hours.min() >= 0


@pytest.mark.parametrize("array_bytes", [10**9, 0])
def test_an_epoch_holds_samples_once_with_their_labels(samples: Samples, array_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence_data, "CHUNK_SAMPLES", 7)
    monkeypatch.setattr(sequence_data, "POOL_CHUNKS", 3)
    positions = np.arange(5, len(samples.labels))
    marks = samples.gather(positions)["numbers"].sum(axis=(1, 2)).tolist()
    batches = list(TrainingBatches(samples, positions, 8, seed=1, array_bytes=array_bytes).epoch())
    seen = np.concatenate([arrays["numbers"].sum(axis=(1, 2)) for arrays, _ in batches]).tolist()
    labels = np.concatenate([labels for _, labels in batches]).astype(int).tolist()
    known = Counter(zip(marks, (positions % 2).tolist(), strict=True))
    assert {len(labels) for _, labels in batches} == {8}
    assert len(seen) == len(positions) // 8 * 8
    assert not Counter(zip(seen, labels, strict=True)) - known


def test_fewer_samples_than_a_batch_are_one_batch(samples: Samples) -> None:
    (only,) = TrainingBatches(samples, np.arange(20), 64, seed=1).epoch()
    assert len(only[1]) == 20


@pytest.mark.parametrize("array_bytes", [10**9, 0])
def test_the_seed_fixes_the_order_and_each_epoch_has_another(samples: Samples, array_bytes: int) -> None:
    def two_epochs(seed: int) -> list[list[float]]:
        batches = TrainingBatches(samples, np.arange(100), 16, seed=seed, array_bytes=array_bytes)
        return [np.concatenate([arrays["numbers"].sum(axis=(1, 2)) for arrays, _ in batches.epoch()]).tolist() for _ in range(2)]

    first, second = two_epochs(1)
    assert first != second
    assert two_epochs(1) == [first, second]
    assert two_epochs(2) != [first, second]


def test_the_size_of_the_arrays_is_foreseen(samples: Samples) -> None:
    gathered = samples.gather(np.arange(10))
    assert samples.bytes_for(10) == sum(steps.nbytes for steps in gathered.values())
