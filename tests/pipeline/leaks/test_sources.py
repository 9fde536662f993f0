from __future__ import annotations

import numpy as np
import pytest

from features.timeline import NULL_CODE
from pipeline.leaks.sources import EVERY_COLUMN, sources, without
from tests.features.literal import event, timeline

TIMELINE = timeline(
    event("a", 3, value=5, item_id="x"),
    event("a", 2, "purchase", value=7, item_id="y"),
    event("b", 1, "purchase", item_id="x", session_id="s"),
)


def test_sources_are_the_columns_that_hold_something() -> None:
    assert sources(TIMELINE) == ("value of view", "value of purchase", "item_id", "session_id", EVERY_COLUMN)


def test_a_single_source_is_not_named_twice() -> None:
    assert sources(timeline(event("a", 1, item_id="x"))) == ("item_id",)
    assert sources(timeline(event("a", 1))) == ()


def test_without_a_type_s_values_the_others_stay() -> None:
    found = without(TIMELINE, "value of view")
    assert found.value.tolist() == [0, 7, 0]
    assert found.has_value.tolist() == [False, True, False]
    assert found.item.tolist() == TIMELINE.item.tolist()


@pytest.mark.parametrize(("source", "array"), [("item_id", "item"), ("category", "category"), ("session_id", "session")])
def test_without_a_column_all_its_codes_are_null(source: str, array: str) -> None:
    found = without(TIMELINE, source)
    assert (getattr(found, array) == NULL_CODE).all()
    assert found.value.tolist() == [5, 7, 0]


def test_without_every_column_times_and_types_stay() -> None:
    found = without(TIMELINE, EVERY_COLUMN)
    assert sources(found) == ()
    assert not found.value.any()
    assert np.array_equal(found.event_time, TIMELINE.event_time)
    assert np.array_equal(found.event_type, TIMELINE.event_type)
