"""Totals of all windows of all users and cutoffs in one walk: back from the cutoff, until the longest window begins.

On the way each event is added to the shortest window that holds it; a longer window is the sum of the shorter ones within it. Counts and
sums are integers, so no order of events, users or buckets changes a bit. Every kernel takes

    begin, end  (C, U) the visible events of each user at each cutoff
    edges       (C, W) where each window begins, the shortest first
    kind        (N,)   event type of each event, 0 … T − 1

and returns (K, W, C, U): first for events of any type, then, where T > 1, for each type.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from features.cutoff import DAY_MICROS
from features.feature import Floats
from features.observation import Observation
from features.timeline import Codes, Flags, Ints

NO_VALUE = np.iinfo(np.int64).min
"""Less than any value: what the largest of none is."""


def counts(observation: Observation) -> Floats:
    """(K, W, C, U) events per kind and window."""
    events = observation.events
    return _counts(observation.begin, observation.end, observation.edges, events.event_time, events.event_type, len(events.event_types))


def sums(observation: Observation, amounts: Ints | Flags) -> Ints:
    """(K, W, C, U) sum of an integer or flag per event (N,), per kind and window."""
    events = observation.events
    integers = amounts.astype(np.int64, copy=False)
    return _sums(
        observation.begin, observation.end, observation.edges, events.event_time, events.event_type, len(events.event_types), integers
    )


def maxima(observation: Observation) -> Ints:
    """(K, W, C, U) largest value per kind and window, in ten-thousandths; `NO_VALUE` where no event has one."""
    events = observation.events
    valued = np.where(events.has_value, events.value, NO_VALUE)
    return _maxima(
        observation.begin, observation.end, observation.edges, events.event_time, events.event_type, len(events.event_types), valued
    )


def active_days(observation: Observation) -> Floats:
    """(K, W, C, U) how many of the 24-hour days counted back from the cutoff hold an event, per kind and window."""
    events = observation.events
    types = len(events.event_types)
    return _active_days(
        observation.begin, observation.end, observation.edges, observation.cutoffs, events.event_time, events.event_type, types
    )


def distinct(observation: Observation, codes: Codes) -> Floats:
    """(W, C, U) different non-negative codes (N,) among the events of any type in each window."""
    stamps = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    return _distinct(observation.begin, observation.end, observation.edges, observation.events.event_time, codes, stamps)


@njit(cache=True, nogil=True)
def _counts(begin: Ints, end: Ints, edges: Ints, time: Ints, kind: Codes, types: int) -> Floats:
    cutoffs, users, windows = begin.shape[0], begin.shape[1], edges.shape[1]
    total = np.empty((types + 1 if types > 1 else 1, windows, cutoffs, users))
    met = np.zeros((types, windows), dtype=np.int64)
    for c in range(cutoffs):
        for user in range(users):
            met[:] = 0
            window = 0
            for i in range(end[c, user] - 1, begin[c, user] - 1, -1):
                while window < windows and time[i] < edges[c, window]:
                    window += 1
                if window == windows:
                    break
                met[kind[i], window] += 1
            _spread(met, total, c, user)
    return total


@njit(cache=True, nogil=True)
def _sums(begin: Ints, end: Ints, edges: Ints, time: Ints, kind: Codes, types: int, value: Ints) -> Ints:
    cutoffs, users, windows = begin.shape[0], begin.shape[1], edges.shape[1]
    total = np.empty((types + 1 if types > 1 else 1, windows, cutoffs, users), dtype=np.int64)
    met = np.zeros((types, windows), dtype=np.int64)
    for c in range(cutoffs):
        for user in range(users):
            met[:] = 0
            window = 0
            for i in range(end[c, user] - 1, begin[c, user] - 1, -1):
                while window < windows and time[i] < edges[c, window]:
                    window += 1
                if window == windows:
                    break
                met[kind[i], window] += value[i]
            _spread(met, total, c, user)
    return total


@njit(cache=True, nogil=True)
def _maxima(begin: Ints, end: Ints, edges: Ints, time: Ints, kind: Codes, types: int, value: Ints) -> Ints:
    cutoffs, users, windows = begin.shape[0], begin.shape[1], edges.shape[1]
    largest = np.empty((types + 1 if types > 1 else 1, windows, cutoffs, users), dtype=np.int64)
    met = np.empty((len(largest), windows), dtype=np.int64)
    for c in range(cutoffs):
        for user in range(users):
            met[:] = NO_VALUE
            window = 0
            for i in range(end[c, user] - 1, begin[c, user] - 1, -1):
                while window < windows and time[i] < edges[c, window]:
                    window += 1
                if window == windows:
                    break
                met[0, window] = max(met[0, window], value[i])
                if types > 1:
                    met[kind[i] + 1, window] = max(met[kind[i] + 1, window], value[i])
            for place in range(len(met)):
                running = NO_VALUE
                for longer in range(windows):
                    running = max(running, met[place, longer])
                    largest[place, longer, c, user] = running
    return largest


@njit(cache=True, nogil=True)
def _active_days(begin: Ints, end: Ints, edges: Ints, last: Ints, time: Ints, kind: Codes, types: int) -> Floats:
    """A day counts where the walk meets it first, once for any type and once for each."""
    cutoffs, users, windows = begin.shape[0], begin.shape[1], edges.shape[1]
    total = np.empty((types + 1 if types > 1 else 1, windows, cutoffs, users))
    met, day_of = np.zeros((len(total), windows), dtype=np.int64), np.empty(len(total), dtype=np.int64)
    for c in range(cutoffs):
        for user in range(users):
            met[:], day_of[:] = 0, -1
            window, day, day_begins = 0, 0, last[c] - DAY_MICROS
            for i in range(end[c, user] - 1, begin[c, user] - 1, -1):
                while window < windows and time[i] < edges[c, window]:
                    window += 1
                if window == windows:
                    break
                if time[i] < day_begins:
                    day = (last[c] - 1 - time[i]) // DAY_MICROS
                    day_begins = last[c] - (day + 1) * DAY_MICROS
                for place in (0, kind[i] + 1) if types > 1 else (0, 0):
                    if day_of[place] != day:
                        day_of[place] = day
                        met[place, window] += 1
            _spread_each(met, total, c, user)
    return total


@njit(cache=True, nogil=True)
def _distinct(begin: Ints, end: Ints, edges: Ints, time: Ints, codes: Codes, stamps: Ints) -> Floats:
    """A code counts where the walk meets it first: in the shortest window that holds it."""
    cutoffs, users, windows = begin.shape[0], begin.shape[1], edges.shape[1]
    total = np.empty((windows, cutoffs, users))
    walk = 0
    for user in range(users):
        for c in range(cutoffs):
            walk += 1
            window, found = 0, 0
            for i in range(end[c, user] - 1, begin[c, user] - 1, -1):
                if time[i] < edges[c, window]:
                    while window < windows and time[i] < edges[c, window]:
                        total[window, c, user] = found
                        window += 1
                    if window == windows:
                        break
                code = codes[i]
                if code >= 0 and stamps[code] != walk:
                    stamps[code] = walk
                    found += 1
            for longer in range(window, windows):
                total[longer, c, user] = found
    return total


@njit(cache=True, nogil=True, inline="always")
def _spread(met: Ints, total: npt.NDArray[np.generic], c: int, user: int) -> None:
    """Add up what was met (T, W), from the shortest window to the longest, and over the types."""
    types, windows = met.shape
    for window in range(windows):
        every = 0
        for of_type in range(types):
            if window:
                met[of_type, window] += met[of_type, window - 1]
            every += met[of_type, window]
            if types > 1:
                total[of_type + 1, window, c, user] = met[of_type, window]
        total[0, window, c, user] = every


@njit(cache=True, nogil=True, inline="always")
def _spread_each(met: Ints, total: Floats, c: int, user: int) -> None:
    """Add up what was met (K, W), from the shortest window to the longest."""
    for place in range(len(met)):
        running = 0
        for window in range(met.shape[1]):
            running += met[place, window]
            total[place, window, c, user] = running
