from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.cutoff import DAY_MICROS, EPOCH, HOUR_MICROS, local_midnight
from pipeline.config_source import DayBy
from pipeline.source.local_time import to_utc
from pipeline.source.span import READABLE, Span, on_the_clock, span

ZONES = ("UTC", "Europe/Berlin", "America/Havana", "America/Nuuk", "Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo")


def micros(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("day", "first", "hours"),
    [
        ("2026-03-28", "2026-03-27 23:00:00", 24),
        ("2026-03-29", "2026-03-28 23:00:00", 23),  # Berlin's clock skips an hour
        ("2026-10-25", "2026-10-24 22:00:00", 25),  # and shows one twice
    ],
)
def test_a_day_is_as_long_as_its_clock_says(day: str, first: str, hours: int) -> None:
    found = span(date.fromisoformat(day), date.fromisoformat(day), "event_time", "Europe/Berlin")
    assert found == Span(micros(first), micros(first) + hours * HOUR_MICROS - 1)


def test_what_is_known_at_the_end_of_a_day_belongs_to_it() -> None:
    day, next_day = date(2026, 1, 5), date(2026, 1, 6)
    assert span(day, day, "event_time", "UTC") == Span(micros("2026-01-05"), micros("2026-01-06") - 1)
    assert span(day, day, "available_at", "UTC") == Span(micros("2026-01-05") + 1, micros("2026-01-06"))
    assert span(day, next_day, "available_at", "UTC") == Span(micros("2026-01-05") + 1, micros("2026-01-07"))


@settings(deadline=None)
@given(
    day=st.dates(date(1990, 1, 1), date(2030, 1, 1)), zone=st.sampled_from(ZONES), day_by=st.sampled_from(["event_time", "available_at"])
)
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: str, day_by: DayBy) -> None:
    next_day = day + timedelta(days=1)
    assert span(day, day, day_by, zone).last + 1 == span(next_day, next_day, day_by, zone).first
    assert span(day, next_day, day_by, zone) == Span(span(day, day, day_by, zone).first, span(next_day, next_day, day_by, zone).last)


@settings(deadline=None)
@given(
    day=st.one_of(
        st.dates(date(1990, 1, 1), date(2030, 1, 1)),
        st.sampled_from(
            [date(2026, 3, 29), date(2026, 10, 25), date(2011, 12, 29), date(2011, 12, 30), date(2024, 3, 30), date(2024, 10, 27)]
        ),
    ),
    zone=st.sampled_from(ZONES),
    offset=st.integers(-3 * DAY_MICROS, 3 * DAY_MICROS),
)
def test_every_reading_of_the_day_lies_within_its_bounds(day: date, zone: str, offset: int) -> None:
    instants = span(day, day, "event_time", zone)
    bounds, exact = on_the_clock(instants, zone)
    reading = micros(str(day)) + offset
    instant = to_utc(zone)(pa.array([reading], pa.int64()))[0].as_py()
    meant, within = instants.first <= instant <= instants.last, bounds.first <= reading <= bounds.last
    assert within >= meant
    assert not exact or within == meant


def test_without_a_clock_change_the_bounds_are_the_day_itself() -> None:
    day = date(2026, 7, 1)
    assert on_the_clock(span(day, day, "event_time", "Europe/Berlin"), "Europe/Berlin") == (
        Span(micros("2026-07-01"), micros("2026-07-02") - 1),
        True,
    )


def test_near_a_clock_change_the_bounds_hold_other_readings_too() -> None:
    found = {
        day: on_the_clock(span(date.fromisoformat(day), date.fromisoformat(day), "event_time", "Europe/Berlin"), "Europe/Berlin")
        for day in ("2026-03-29", "2026-10-25")
    }
    assert found["2026-03-29"] == (Span(micros("2026-03-29"), micros("2026-03-30") - 1), False)
    assert found["2026-10-25"] == (Span(micros("2026-10-24 23:00"), micros("2026-10-26 01:00") - 1), False)


def test_texts_are_what_both_engines_read() -> None:
    assert span(date(2026, 1, 5), date(2026, 1, 5), "event_time", "UTC").texts == ("2026-01-05 00:00:00", "2026-01-05 23:59:59.999999")
    assert READABLE.texts == ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999")
    assert local_midnight(date(2026, 1, 5), "UTC").micros == micros("2026-01-05")
