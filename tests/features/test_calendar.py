from datetime import date

import numpy as np
import pytest

from features.calendar import calendar
from features.cutoff import local_midnight
from features.definition import Definition
from features.observation import observe
from tests.features.literal import CUTOFF, HOUR, MICRO, TYPES, columns, event, observation, timeline


def test_weekends_and_hours_of_the_lookback_in_utc() -> None:
    saturday, friday_night, monday = 2 - 3 * HOUR, 2 + HOUR, 7 - 13 * HOUR
    seen = observation(event("a", saturday), event("a", friday_night), event("a", monday), event("a", monday), event("b", -1))
    found = columns(calendar, seen)
    assert found["weekend_share"] == [0.25, None]
    assert found["hours_0_6_share"] == [0.25, None]
    assert found["hours_12_18_share"] == [0.5, None]
    assert found["hours_18_24_share"] == [0.25, None]


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "America/Adak", "Pacific/Auckland", "Pacific/Chatham"])
@pytest.mark.parametrize("day", [date(2026, 1, 5), date(2026, 7, 6)])
def test_a_local_monday_is_a_monday_in_winter_and_summer(zone: str, day: date) -> None:
    cutoff = local_midnight(day, zone)
    seen = observe(timeline(event("a", 400)), [cutoff], Definition(TYPES, (7,), 30))
    assert columns(calendar, seen)["cutoff_weekday"] == [0.0]


def test_every_hour_is_in_one_block() -> None:
    found = columns(calendar, observation(*(event("a", 1 + number * HOUR) for number in range(24))))
    assert [np.round(values[0] or 0, 9) for name, values in found.items() if name.startswith("hours")] == [0.25] * 4


def test_events_on_the_weekday_about_to_begin() -> None:
    last_monday = (7, 6 + MICRO, 14, 28 - 12 * HOUR)
    other_days = (7 + MICRO, 6, 1, 21 + MICRO)
    seen = observation(*(event("a", ago) for ago in (*last_monday, *other_days)), event("b", 35), event("c", 0))
    assert columns(calendar, seen)["same_weekday_share"] == [0.5, None, None]


def test_a_late_event_counts_from_the_first_cutoff_that_knows_it() -> None:
    seen = observation(event("a", 9, known=0.5), event("a", 4), cutoffs=(CUTOFF.plus_days(-1), CUTOFF))
    assert [columns(calendar, seen, cutoff)["weekend_share"] for cutoff in (0, 1)] == [[0.0], [0.5]]


def test_weekday_of_each_cutoff() -> None:
    seen = observation(event("a", 9), cutoffs=[CUTOFF.plus_days(-ago) for ago in (7, 1, 0)])
    assert [columns(calendar, seen, cutoff)["cutoff_weekday"] for cutoff in (0, 1, 2)] == [[0], [6], [0]]
