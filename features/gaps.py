"""Gaps: how regularly a user comes back, and whether the next visit is overdue."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature, Floats, within
from features.observation import Observation
from features.timeline import Codes, Ints
from features.visible import Positions

MEAN, DEVIATION, LATEST, OVERDUE = range(4)
DAYS, NEWEST, OLDEST, FIRST_GAP, SQUARES = range(5)


def gaps(observation: Observation) -> Columns:
    """Days between consecutive active days of each kind in the lookback: mean, population standard deviation, latest.

    An active day is one of the 24-hour days counted back from the cutoff. `overdue` is the days since the last active day divided by
    the mean gap. All four are NaN with fewer than two active days.
    """
    events = observation.events
    found = _gaps(observation.recent, observation.end, observation.cutoffs, events.event_time, events.event_type, len(observation.kinds))
    lookback = within(observation.definition.lookback_days)
    for kind in observation.kinds:
        mean, deviation, latest, overdue = found[:, kind.place]
        of, none = f"between days with {kind.noun}", f"|fewer than two days with {kind.noun} {lookback}"
        yield Column(Feature(f"gap_mean_{kind.name}", "days", f"{{value}} days on average {of}{none}"), mean)
        sentence = f"times {of} that vary by {{value}} days{none}"
        yield Column(Feature(f"gap_deviation_{kind.name}", "days", sentence), deviation)
        sentence = f"{{value}} days between the two latest days with {kind.noun}{none}"
        yield Column(Feature(f"gap_latest_{kind.name}", "days", sentence), latest)
        sentence = f"{{value}} times as long since the last day with {kind.noun} as usual{none}"
        yield Column(Feature(f"overdue_{kind.name}", "ratio", sentence), overdue)


@njit(cache=True, nogil=True)
def _gaps(recent: Positions, end: Positions, cutoffs: Ints, time: Ints, kind: Codes, kinds: int) -> Floats:
    """(4, K, C, U) mean, deviation, latest and overdue, from integer sums over the active days that the walk back meets."""
    found = np.full((4, kinds, *end.shape), np.nan)
    met = np.zeros((kinds, 5), dtype=np.int64)
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            met[:, DAYS] = 0
            day, day_begins = 0, cutoffs[c] - DAY_MICROS
            for i in range(end[c, user] - 1, recent[c, user] - 1, -1):
                if time[i] < day_begins:
                    day = (cutoffs[c] - 1 - time[i]) // DAY_MICROS
                    day_begins = cutoffs[c] - (day + 1) * DAY_MICROS
                for place in (0, kind[i] + 1) if kinds > 1 else (0, 0):
                    if met[place, DAYS] == 0 or met[place, OLDEST] != day:
                        _meet(met[place], day)
            for place in range(kinds):
                if met[place, DAYS] > 1:
                    _measure(met[place], found[:, place, c, user])
    return found


@njit(cache=True, nogil=True, inline="always")
def _meet(met: Ints, day: int) -> None:
    """Note an active day, older than those noted before; all are days before the cutoff."""
    if met[DAYS] == 0:
        met[NEWEST], met[SQUARES] = day, 0
    else:
        gap = day - met[OLDEST]
        met[SQUARES] += gap * gap
        if met[DAYS] == 1:
            met[FIRST_GAP] = gap
    met[OLDEST] = day
    met[DAYS] += 1


@njit(cache=True, nogil=True, inline="always")
def _measure(met: Ints, found: Floats) -> None:
    number, total = met[DAYS] - 1, met[OLDEST] - met[NEWEST]
    found[MEAN] = total / number
    found[DEVIATION] = np.sqrt((number * met[SQUARES] - total * total) / (number * number))
    found[LATEST] = met[FIRST_GAP]
    found[OVERDUE] = met[NEWEST] / found[MEAN]
