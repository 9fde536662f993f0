from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.timeline import Timeline
from models import sequence_classifier
from models.classifier import Batch, NotLearnable
from models.metrics import auc
from models.sequence_classifier import FittedSequence, SequenceParameters
from models.sequence_data import Block
from tests.models.tiny_shop import START, memoryless, written

PARAMETERS = SequenceParameters(length=16, width=8, epochs=6, batch=64, max_items=5, learning_rate=0.01)
CUTOFFS = (START.plus_days(20), START.plus_days(25))

"""Keras 3.15 turns TensorFlow variables into arrays in NumPy's old way; 2026-11."""


def bought_last(view: Timeline) -> np.ndarray:
    """Whether the last visible event is a purchase: plain to a sequence model."""
    last = view.offsets[1:] - 1
    return ((view.event_type[last] == 2) & (np.diff(view.offsets) > 0)).astype(np.int8)


def block(timeline: Timeline, cutoff, offset: int) -> Block:
    rows = np.arange(timeline.users)
    return Block(timeline, rows, cutoff, bought_last(timeline.as_of(cutoff)), rows + offset)


def batch(timeline: Timeline, rows: np.ndarray | None = None) -> Batch:
    rows = np.arange(timeline.users) if rows is None else rows
    return Batch(timeline.as_of(CUTOFFS[1]), rows, CUTOFFS[1], np.zeros((len(rows), 0)))


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    buckets = [memoryless(350, 30, 0.5, seed=bucket, name=f"b{bucket}u") for bucket in (0, 1)]
    return [block(timeline, cutoff, 1000 * number) for number, timeline in enumerate(buckets) for cutoff in CUTOFFS]


@pytest.fixture(scope="module")
def fitted(blocks: list[Block]) -> FittedSequence:
    return sequence_classifier.fit(blocks, PARAMETERS, seed=3)


@pytest.fixture(scope="module")
def strangers() -> Timeline:
    return memoryless(1200, 30, 0.5, seed=9, name="stranger")


def test_learns_what_there_is_on_users_it_never_saw(fitted: FittedSequence, strangers: Timeline) -> None:
    view = batch(strangers).view
    assert auc(bought_last(view), fitted.model.raw(batch(strangers))) > 0.97


def test_held_out_users_are_whole_users_a_fifth_of_all(fitted: FittedSequence, blocks: list[Block]) -> None:
    users = np.concatenate([block.users for block in blocks])
    outside = set(users[fitted.held_out].tolist())
    inside = set(np.delete(users, fitted.held_out).tolist())
    assert not outside & inside
    assert len(outside) == pytest.approx(0.2 * len(outside | inside), abs=1)


def test_held_out_scores_are_the_models_own(fitted: FittedSequence, blocks: list[Block]) -> None:
    raw = np.concatenate(
        [
            fitted.model.raw(Batch(block.timeline.as_of(block.cutoff), block.rows, block.cutoff, np.zeros((len(block.rows), 0))))
            for block in blocks
        ]
    )
    np.testing.assert_allclose(fitted.held_out_raw, raw[fitted.held_out], atol=1e-5)


def test_two_trainings_give_the_same_model(fitted: FittedSequence, blocks: list[Block]) -> None:
    again = sequence_classifier.fit(blocks, PARAMETERS, seed=3)
    assert again.curve == fitted.curve
    assert (again.held_out_raw == fitted.held_out_raw).all()


def test_one_user_and_a_thousand_users_get_the_same_answers(fitted: FittedSequence, strangers: Timeline) -> None:
    together = fitted.model.raw(batch(strangers, np.arange(1000)))
    alone = [fitted.model.raw(batch(strangers, np.array([row])))[0] for row in range(0, 1000, 50)]
    np.testing.assert_allclose(alone, together[::50], atol=1e-5)
    back = fitted.model.raw(batch(strangers, np.arange(1000)[::-1]))
    np.testing.assert_allclose(back[::-1], together, atol=1e-5)


def test_what_comes_later_never_changes_an_answer(fitted: FittedSequence) -> None:
    past = [("ann", 3.0, "view"), ("ann", 20.0, "purchase"), ("bob", 24.0, "cart")]
    future = [("ann", 25.0, "purchase"), ("bob", 27.0, "view"), ("cem", 29.0, "view")]
    before = fitted.model.raw(batch(written(past)))
    after = fitted.model.raw(batch(written(past + future)))
    np.testing.assert_array_equal(after[:2], before)


def test_saved_and_loaded_it_answers_and_explains_alike(fitted: FittedSequence, strangers: Timeline, tmp_path: Path) -> None:
    fitted.model.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.keras", "settings.json", "vocabulary.json"]
    loaded = sequence_classifier.load(tmp_path)
    assert replace(loaded, network=None) == replace(fitted.model, network=None)
    some = batch(strangers, np.arange(64))
    np.testing.assert_allclose(loaded.raw(some), fitted.model.raw(some), atol=1e-6)
    np.testing.assert_allclose(loaded.effects(some).log_odds, fitted.model.effects(some).log_odds, atol=1e-5)


def test_effects_name_the_events_that_decide(fitted: FittedSequence) -> None:
    timeline = written([("ann", 10.0, "view"), ("ann", 24.0, "purchase"), ("bob", 10.0, "view"), ("bob", 24.0, "view")])
    effects = fitted.model.effects(batch(timeline))
    ann = dict(zip(effects.names, effects.log_odds[0], strict=True))
    assert ann["purchase_7d"] > 1
    assert ann["purchase_7d"] == max(ann.values())
    assert set(effects.names) == set(fitted.model.sentences())


def test_nobody_gives_empty_answers(fitted: FittedSequence, strangers: Timeline) -> None:
    nobody = batch(strangers, np.zeros(0, dtype=np.int64))
    assert fitted.model.raw(nobody).shape == (0,)
    assert fitted.model.effects(nobody).log_odds.shape == (0, len(fitted.model.sentences()))


def test_other_event_types_than_learned_are_refused(fitted: FittedSequence) -> None:
    with pytest.raises(ValueError, match="learned the event types view, cart, purchase; the timeline has view, visit"):
        fitted.model.raw(batch(written([("ann", 1.0, "view")], ("view", "visit"))))


def test_one_outcome_or_too_few_users_are_refused(blocks: list[Block]) -> None:
    with pytest.raises(NotLearnable, match="outcome 0"):
        sequence_classifier.fit([replace(blocks[0], labels=np.zeros(len(blocks[0].rows), np.int8))], PARAMETERS, seed=1)
    with pytest.raises(NotLearnable, match="4 users"):
        sequence_classifier.fit([replace(blocks[0], users=blocks[0].users % 4)], PARAMETERS, seed=1)
