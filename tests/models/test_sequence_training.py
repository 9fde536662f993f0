from __future__ import annotations

import logging

import keras
import numpy as np
import pytest

from features.vocabulary import Vocabulary
from models import sequence_training
from models.classifier import NotLearnable
from models.sequence_data import Block, Inputs, Samples, TrainingBatches
from models.sequence_network import build
from models.sequence_training import Epoch, chunks, predict, train, use_threads
from tests.models.tiny_shop import START, memoryless

HELD_OUT = np.arange(0, 60)
INSIDE = np.arange(60, 200)


@pytest.fixture(scope="module")
def samples() -> Samples:
    timeline = memoryless(200, 20, 0.4, seed=1)
    rows = np.arange(timeline.users)
    labels = (np.random.default_rng(2).random(len(rows)) < 0.4).astype(np.int8)
    return Samples([Block(timeline, rows, START.plus_days(20), labels, rows)], 8, Vocabulary(("item1",), ("category1",)))


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(4)
    made = build(event_types=3, items=1, categories=1, mean=np.zeros(7), variance=np.ones(7), width=8, dropout=0.0)
    made.jit_compile = False
    return made


def test_the_best_epochs_weights_come_back(network: keras.Model, samples: Samples) -> None:
    told: list[Epoch] = []
    batches = TrainingBatches(samples, INSIDE, 16, seed=1)
    raw, curve = train(network, batches, samples, HELD_OUT, epochs=40, learning_rate=0.02, on_epoch=told.append)
    best = min(curve, key=lambda epoch: epoch.held_out_loss)
    labels = samples.labels[HELD_OUT]
    assert tuple(told) == curve
    assert len(curve) == best.number + sequence_training.PATIENCE < 40
    assert curve[-1].held_out_loss > best.held_out_loss
    np.testing.assert_allclose(predict(network, samples.gather(HELD_OUT)), raw, atol=1e-6)
    assert (np.logaddexp(0, raw) - labels * raw).mean() == pytest.approx(best.held_out_loss)


def test_a_loss_that_is_not_a_number_is_refused(network: keras.Model, samples: Samples) -> None:
    with pytest.raises(NotLearnable, match=r"In epoch 1 .*learning rate nan"):
        train(network, TrainingBatches(samples, INSIDE, 64, seed=1), samples, HELD_OUT, epochs=2, learning_rate=float("nan"))


def test_predictions_do_not_depend_on_the_company(network: keras.Model, samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = samples.gather(np.arange(200))
    together = predict(network, everyone)

    def alone(row: int) -> Inputs:
        return {name: steps[row : row + 1] for name, steps in everyone.items()}

    np.testing.assert_allclose(np.concatenate([predict(network, alone(row)) for row in range(20)]), together[:20], atol=1e-5)
    monkeypatch.setattr(sequence_training, "CHUNK_USERS", 33)
    np.testing.assert_allclose(predict(network, everyone), together, atol=1e-5)


def test_chunks_hold_every_position_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence_training, "CHUNK_USERS", 4)
    assert [chunk.tolist() for chunk in chunks(np.arange(9))] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert chunks(np.arange(0)) == []


def test_threads_that_come_too_late_are_told(network: keras.Model, caplog: pytest.LogCaptureFixture) -> None:
    network.predict_on_batch(
        {**{name: np.ones((1, 1), np.int32) for name in ("event_type", "item", "category")}, "numbers": np.zeros((1, 1, 7))}
    )
    with caplog.at_level(logging.WARNING):
        use_threads(0)
        assert not caplog.records
        use_threads(3)
    assert "threads = 3 comes too late" in caplog.text
