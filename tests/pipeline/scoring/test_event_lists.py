from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import EARLIEST, EVENTS, LATEST
from features.cutoff import EPOCH
from pipeline.scoring.event_lists import cutoffs_of, events_of, instant
from tests.event_lists import lists_of
from tests.models.tiny_shop import START, memoryless

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LISTS: dict[str, Any] = {
    "event_time": ["2026-01-02T12:00:00Z", 1_767_268_800_000_000],
    "event_type": ["view", "purchase"],
    "item_id": ["i1", None],
    "category": [float("nan"), "c"],
    "value": [None, 9.5],
}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{"cutoff": "2026-01-05T00:00:00Z", **LISTS, **row} for row in rows])


def test_lists_become_events_in_the_contracts_columns_and_units() -> None:
    found = events_of(table({"session_id": None, **{name: [] for name in LISTS}}, {"session_id": ["s", None]}))
    assert found.schema == EVENTS
    assert found["user_id"].to_pylist() == ["000000000001"] * 2
    told = found.to_pydict()
    assert told["event_time"] == told["available_at"] == [NOON, NOON - timedelta(days=1)]
    assert (told["item_id"], told["category"], told["value"]) == (["i1", None], [None, "c"], [None, 95_000])
    assert told["session_id"] == ["s", None]


def test_an_event_that_was_known_later_says_so() -> None:
    later = "2026-01-03T00:00:00+01:00"
    assert events_of(table({"available_at": [later, later]}))["available_at"].to_pylist() == [datetime(2026, 1, 2, 23, tzinfo=UTC)] * 2


def test_none_instead_of_a_list_is_no_event() -> None:
    assert len(events_of(table(dict.fromkeys(LISTS)))) == 0
    assert len(events_of(table().reindex(columns=list(LISTS)))) == 0


def test_arrays_are_lists_too() -> None:
    arrays = {name: np.array(entries, dtype=object) for name, entries in LISTS.items()}
    assert events_of(table(arrays)).equals(events_of(table({})))


def test_lists_of_a_timeline_hold_its_events() -> None:
    timeline = memoryless(9, 10, 0.4, seed=1)
    found = events_of(lists_of(timeline, START.plus_days(9)))
    assert found["value"].null_count == int((~timeline.has_value).sum()) > 0
    assert [moment - EPOCH for moment in found["event_time"].to_pylist()] == [
        timedelta(microseconds=each) for each in timeline.event_time.tolist()
    ]


@pytest.mark.parametrize("missing", list(LISTS))
def test_a_missing_column_is_named(missing: str) -> None:
    with pytest.raises(KeyError, match=rf"lacks {missing}; a row has lists event_time, event_type, item_id, category, value"):
        events_of(table({}).drop(columns=missing))


def test_a_missing_cutoff_is_named() -> None:
    with pytest.raises(KeyError, match="lacks cutoff, the instant as of which"):
        cutoffs_of(table({}).drop(columns="cutoff"))


@pytest.mark.parametrize(
    ("column", "entries", "words"),
    [
        ("value", [1.0], "Row 1: value has 1 entries, event_time has 2"),
        ("session_id", ["s"], "Row 1: session_id has 1 entries, event_time has 2"),
        ("item_id", "i1", "Row 1, item_id: 'i1' is no list"),
        ("item_id", ["i1", 7], "Row 1, item_id: 7 is no text"),
        ("event_type", ["view", None], "Row 1, event_type: None is no text"),
        ("value", ["9,50", None], "Row 1, value: '9,50' is no number"),
        ("value", [float("inf"), None], "Row 1, value: inf is no number"),
        ("value", [1e15, None], "Row 1, value: 1000000000000000.0 is no number of at most 64 bits"),
        ("event_time", ["2026-01-02T12:00:00", 0], "Row 1, event_time: '2026-01-02T12:00:00' is no instant"),
        ("available_at", ["2026-01-02T12:00:00Z", None], "Row 1, available_at: None is no instant"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row_and_column(column: str, entries: object, words: str) -> None:
    other = {"session_id": ["s", "s"], "available_at": LISTS["event_time"]}
    with pytest.raises(ValueError, match=words):
        events_of(table(other, {**other, column: entries}))


@pytest.mark.parametrize("told", ["tomorrow", "2026-01-05", None, float("nan"), True, 1.7e15])
def test_a_cutoff_that_is_no_instant_is_named_with_its_row(told: object) -> None:
    with pytest.raises(ValueError, match=r"Row 1, cutoff: .* is no instant from 1971"):
        cutoffs_of(table({}, {"cutoff": told}))


@pytest.mark.parametrize("micros", [1_767_268_800, 1_767_268_800_000, 1_767_268_800_000_000_000, 10**30])
def test_seconds_milliseconds_and_nanoseconds_are_not_taken_for_microseconds(micros: int) -> None:
    with pytest.raises(ValueError, match="is no instant"):
        instant(micros)


@given(st.integers(EARLIEST.micros, LATEST.micros - 1), st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_the_same_however_it_is_written(since: int, offset: int) -> None:
    moment = (EPOCH + timedelta(microseconds=since)).astimezone(timezone(timedelta(minutes=offset)))
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    forms = [micros, np.int64(micros), moment.isoformat(), moment, pd.Timestamp(moment)]
    assert {instant(form) for form in forms} == {moment.astimezone(UTC)}
    assert all(instant(form).utcoffset() == timedelta(0) for form in forms)


@given(st.decimals(-(10**9), 10**9, places=4))
def test_values_are_stored_without_loss(value: Any) -> None:
    given_as = [float(value), str(value)]
    assert events_of(table({"value": given_as}))["value"].to_pylist() == [int(value * 10_000)] * 2
