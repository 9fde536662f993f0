"""Lifetime: how long a user has been known, and what the whole acquaintance held. The one family that looks past the lookback."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature, Floats, ratio
from features.observation import Observation
from features.timeline import Ints


def lifetime(observation: Observation) -> Columns:
    """Over all visible events, however old: days known, value of the first 24 hours, active days in all and per 30 days known.

    An active day is one of the 24-hour days counted back from the cutoff. A user known for less than a day counts as known for one.
    NaN for a user without an event; counts are 0.
    """
    events = observation.events
    known, early, active = _acquaintance(observation.begin, observation.end, observation.cutoffs, events.event_time, events.value)
    per_month = ratio(active * 30, np.maximum(known, 1.0))
    yield Column(Feature("days_known", "days", "first seen {value} days ago|never seen so far"), known)
    yield Column(Feature("first_day_value", "value", "a value of {value} in the first 24 hours|never seen so far"), early)
    yield Column(Feature("active_days_ever", "days", "active on {value} days since first seen"), active)
    sentence = "active on {value} days a month since first seen|never seen so far"
    yield Column(Feature("active_days_per_month", "days", sentence), per_month)


@njit(cache=True, nogil=True)
def _acquaintance(begin: Ints, end: Ints, cutoffs: Ints, time: Ints, value: Ints) -> tuple[Floats, Floats, Floats]:
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
