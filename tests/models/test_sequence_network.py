from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from models.sequence_network import build

USERS, STEPS = 6, 9

"""Keras 3.15 turns TensorFlow variables into arrays in NumPy's old way; 2026-11."""


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    made = build(event_types=3, items=20, categories=4, mean=np.full(7, 0.5), variance=np.full(7, 2.0), width=8, dropout=0.5)
    made.jit_compile = False
    return made


def drawn(padding: int) -> dict[str, np.ndarray]:
    """The same sequences, the last two steps padded, then `padding` more."""
    random = np.random.default_rng(2)
    arrays = {
        "event_type": random.integers(2, 5, (USERS, STEPS), dtype=np.int32),
        "item": random.integers(1, 22, (USERS, STEPS), dtype=np.int32),
        "category": random.integers(1, 6, (USERS, STEPS), dtype=np.int32),
        "numbers": random.normal(size=(USERS, STEPS, 7)).astype(np.float32),
    }
    arrays["event_type"][:, 0] = 1
    for steps in arrays.values():
        steps[:, -2:] = 0
    return {name: np.concatenate([steps, np.zeros((USERS, padding, *steps.shape[2:]), steps.dtype)], 1) for name, steps in arrays.items()}


@pytest.mark.parametrize("padding", [1, 5, 23])
def test_padding_never_changes_an_answer(network: keras.Model, padding: int) -> None:
    expected = network.predict_on_batch(drawn(0))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(network.predict_on_batch(drawn(padding)), expected, atol=1e-6)


def test_what_stands_in_the_padding_never_changes_an_answer(network: keras.Model) -> None:
    clean, dirty = drawn(3), drawn(3)
    for name in ("item", "category", "numbers"):
        dirty[name][:, STEPS:] = 3
    np.testing.assert_allclose(network.predict_on_batch(dirty), network.predict_on_batch(clean), atol=1e-6)


def test_the_start_token_alone_has_an_answer(network: keras.Model) -> None:
    alone = {name: steps[:, :1] for name, steps in drawn(0).items()}
    assert np.isfinite(network.predict_on_batch(alone)).all()


def test_the_order_of_events_changes_the_answer(network: keras.Model) -> None:
    arrays = drawn(0)
    turned = {name: steps.copy() for name, steps in arrays.items()}
    for steps in turned.values():
        steps[:, 1 : STEPS - 2] = steps[:, 1 : STEPS - 2][:, ::-1]
    assert np.abs(network.predict_on_batch(turned) - network.predict_on_batch(arrays)).max() > 1e-3


def test_saved_and_loaded_in_safe_mode_it_answers_alike(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True, compile=False)
    loaded.jit_compile = False
    assert (loaded.predict_on_batch(drawn(2)) == network.predict_on_batch(drawn(2))).all()


def test_a_constant_number_cannot_explode_later() -> None:
    steady = build(event_types=3, items=20, categories=4, mean=np.ones(7), variance=np.zeros(7), width=8, dropout=0.0)
    standardised = steady.get_layer("standardised")(np.full((1, 1, 7), 1.5, np.float32))
    assert np.asarray(standardised) == pytest.approx(np.full((1, 1, 7), 5.0), rel=1e-4)


def test_an_item_without_evidence_says_nothing(network: keras.Model) -> None:
    other = drawn(0)
    other["item"] = np.where(other["item"] > 0, 22 - other["item"], 0)
    np.testing.assert_array_equal(network.predict_on_batch(other), network.predict_on_batch(drawn(0)))
