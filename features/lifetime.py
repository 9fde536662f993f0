"""Lifetime: how long a user has been known, and what the whole acquaintance held. The one family that looks past the lookback."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature, Floats, ratio
from features.observation import Observation
from features.timeline import Codes, Ints
from features.visible import Positions

COUNT, SPAN, AGE, FIRST_VALUE = range(4)


def lifetime(observation: Observation) -> Columns:
    """Over all visible events, however old: days known, value of the first 24 hours, active days in all and per 30 days known.

    An active day is one of the 24-hour days counted back from the cutoff. A user known for less than a day counts as known for one.
    NaN for a user without an event; `active_days_ever` is 0. With `repeat_event` also what repeats; see `_repetition`.
    """
    events = observation.events
    known, early, active = _acquaintance(observation.begin, observation.end, observation.cutoffs, events.event_time, events.value)
    per_month = ratio(active * 30, np.maximum(known, 1.0))
    yield Column(Feature("days_known", "days", "first seen {value} days ago|never seen so far"), known)
    yield Column(Feature("first_day_value", "value", "events worth {value} in the first 24 hours|never seen so far"), early)
    yield Column(Feature("active_days_ever", "days", "active on {value} days since first seen"), active)
    sentence = "active on {value} days a month since first seen|never seen so far"
    yield Column(Feature("active_days_per_month", "days", sentence), per_month)

    if observation.definition.repeat_event:
        yield from _repetition(observation, observation.definition.repeat_event)


def _repetition(observation: Observation, name: str) -> Columns:
    """The repeat event's value on its first active day, and how often and how long it came again, in active days as above.

    With the first active day a whole days before the cutoff's last one and the latest b days before it: count = active days − 1 (x),
    span = a − b (t_x), age = a (T), the statistics of Fader, Hardie & Lee 2005, "Counting your customers" the easy way, by day.
    NaN for a user without the event; the value of a day without values is 0.
    """
    events, wanted = observation.events, observation.events.event_types.index(name)
    found = _repeats(observation.begin, observation.end, observation.cutoffs, events.event_time, events.event_type, events.value, wanted)
    noun = f"{name.replace('_', ' ')} events"
    none = f"|no {noun} so far"
    yield Column(Feature(f"repeat_{name}_count", "days", f"{{value}} more days with {noun} after the first one{none}"), found[COUNT])
    sentence = f"{{value}} days from the first to the last day with {noun}{none}"
    yield Column(Feature(f"repeat_{name}_span", "days", sentence), found[SPAN])
    yield Column(Feature(f"repeat_{name}_age", "days", f"{{value}} days since the first day with {noun}{none}"), found[AGE])
    sentence = f"a value of {{value}} on the first day with {noun}{none}"
    yield Column(Feature(f"first_{name}_day_value", "value", sentence), found[FIRST_VALUE])


@njit(cache=True, nogil=True)
def _acquaintance(begin: Positions, end: Positions, cutoffs: Ints, time: Ints, value: Ints) -> tuple[Floats, Floats, Floats]:
    """(C, U) days known, value of the first 24 hours, active days."""
    known, early, active = np.full(end.shape, np.nan), np.full(end.shape, np.nan), np.zeros(end.shape)
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            first = begin[c, user]
            if first == end[c, user]:
                continue
            known[c, user] = (cutoffs[c] - time[first]) / DAY_MICROS
            total, days, day_ends = 0, 0, 0
            for i in range(first, end[c, user]):
                if time[i] < time[first] + DAY_MICROS:
                    total += value[i]
                if time[i] >= day_ends:
                    days += 1
                    day_ends = cutoffs[c] - (cutoffs[c] - 1 - time[i]) // DAY_MICROS * DAY_MICROS
            early[c, user], active[c, user] = total / VALUE_SCALE, days
    return known, early, active


@njit(cache=True, nogil=True)
def _repeats(begin: Positions, end: Positions, cutoffs: Ints, time: Ints, kind: Codes, value: Ints, wanted: int) -> Floats:
    """(4, C, U) count, span, age and value of the first active day, of one event type."""
    found = np.full((4, *end.shape), np.nan)
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            active, first, last, total = 0, 0, 0, 0
            for i in range(begin[c, user], end[c, user]):
                if kind[i] != wanted:
                    continue
                day = (cutoffs[c] - 1 - time[i]) // DAY_MICROS
                if active == 0:
                    first = day
                if active == 0 or day != last:
                    active, last = active + 1, day
                if day == first:
                    total += value[i]
            if active:
                found[COUNT, c, user], found[SPAN, c, user] = active - 1, first - last
                found[AGE, c, user], found[FIRST_VALUE, c, user] = first, total / VALUE_SCALE
    return found
