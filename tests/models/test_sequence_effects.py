from __future__ import annotations

import numpy as np
import pytest

from features import sequences
from features.sequences import NUMBERS
from features.vocabulary import Vocabulary
from models.sequence_data import Inputs, inputs
from models.sequence_effects import AGE, RECENCY, effects, moved_in_time, sentences, typical_last_age, without
from tests.models.tiny_shop import EVENT_TYPES, START, written

CUTOFF = START.plus_days(60)
TIMELINE = written(
    [
        ("ann", 59, "view"),
        ("ann", 53, "purchase"),  # exactly 7 days: still the last 7
        ("ann", 52.9, "purchase"),
        ("ann", 30, "cart"),  # exactly 30 days
        ("ann", 5, "view"),
        ("bob", 58, "view"),
        ("bob", 57, "view"),
        ("new", 60, "view"),  # at the cutoff: not visible
    ]
)
VIEW_WEIGHT, AGE_WEIGHT = 0.25, -0.125


def full() -> Inputs:
    return inputs(sequences.gather(TIMELINE.as_of(CUTOFF), np.arange(3), CUTOFF, 8, Vocabulary((), ())))


def linear(arrays: Inputs) -> np.ndarray:
    """A model whose effects are known: views count, and so does the age of the last event in days."""
    last = (arrays["event_type"] > 0).sum(axis=1) - 1
    age = np.expm1(arrays["numbers"][np.arange(len(last)), last, AGE].astype(np.float64)) / 24
    return VIEW_WEIGHT * (arrays["event_type"] == 2).sum(axis=1) + AGE_WEIGHT * age


def test_values_count_events_by_type_and_age() -> None:
    found = effects(full(), linear(full()), linear, EVENT_TYPES, typical_age=0.0)
    ann, bob, new = (dict(zip(found.names, row, strict=True)) for row in found.values)
    counted = {name: value for name, value in ann.items() if value}
    assert counted == {"view_7d": 1, "purchase_7d": 1, "purchase_8_30d": 1, "cart_8_30d": 1, "view_older": 1, RECENCY: 1}
    assert {name: value for name, value in bob.items() if value} == {"view_7d": 2, RECENCY: 2}
    assert np.isnan(new.pop(RECENCY))
    assert set(new.values()) == {0}


def test_a_groups_effect_is_what_the_model_would_lose_without_it() -> None:
    found = effects(full(), linear(full()), linear, EVENT_TYPES, typical_age=float(np.log1p(24 * 3)))
    ann = dict(zip(found.names, found.log_odds[0], strict=True))
    assert ann["view_older"] == pytest.approx(VIEW_WEIGHT)
    assert ann["purchase_7d"] == pytest.approx(0, abs=1e-5)
    assert ann["view_7d"] == pytest.approx(VIEW_WEIGHT + AGE_WEIGHT * (1 - 7), abs=1e-4)  # the purchase is the last event then
    assert ann[RECENCY] == pytest.approx(AGE_WEIGHT * (1 - 3), abs=1e-4)


def test_groups_a_user_has_not_have_no_effect() -> None:
    found = effects(full(), linear(full()), linear, EVENT_TYPES, typical_age=0.0)
    bob = dict(zip(found.names, found.log_odds[1], strict=True))
    assert {name for name, effect in bob.items() if effect} == {"view_7d", RECENCY}
    assert not found.log_odds[2].any()


def test_leaving_out_steps_moves_the_rest_together() -> None:
    arrays = full()
    dropped = np.zeros(arrays["event_type"].shape, dtype=bool)
    dropped[0, [1, 3]] = True
    rest = without(arrays, dropped)
    for name, steps in arrays.items():
        np.testing.assert_array_equal(rest[name][0, :4], steps[0, [0, 2, 4, 5]])
        assert not rest[name][0, 4:].any()
        np.testing.assert_array_equal(rest[name][1:], steps[1:])
        assert rest[name].dtype == steps.dtype


def test_moving_in_time_keeps_the_hours_between_events() -> None:
    arrays = full()
    moved = moved_in_time(arrays, np.log1p([24.0, 48.0, 0.0]), float(np.log1p(240)))
    hours = np.expm1(moved["numbers"][..., AGE])
    assert hours[0, 1:6] == pytest.approx(np.expm1(arrays["numbers"][0, 1:6, AGE]) + 216, rel=1e-4)
    assert hours[1, 1:3] == pytest.approx([264, 240], rel=1e-4)
    assert not hours[2].any()
    other = [column for column in range(len(NUMBERS)) if column != AGE]
    np.testing.assert_array_equal(moved["numbers"][..., other], arrays["numbers"][..., other])


def test_the_typical_age_is_the_median_of_those_who_have_an_event() -> None:
    assert np.expm1(typical_last_age(full())) == pytest.approx(np.expm1((np.log1p(24) + np.log1p(48)) / 2), rel=1e-5)
    assert typical_last_age({name: steps[2:] for name, steps in full().items()}) == 0


def test_every_quantity_has_a_sentence() -> None:
    words = sentences(EVENT_TYPES)
    assert list(words) == list(effects(full(), linear(full()), linear, EVENT_TYPES, 0.0).names)
    assert words["purchase_7d"] == "purchase events in the last 7 days: {value}"
    assert all("{value}" in text for text in words.values())
