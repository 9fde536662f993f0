"""Totals of all windows of all users and cutoffs.

Windows end at their cutoff, so each is a range of the user's visible events:

    begin ────── starts[1] ────── starts[0] ────── end
                     ◀── window of 30 days ─────────▶
                                      ◀── of 7 ─────▶

What can be added up is the difference of a running total at the two ends of the range. What cannot is found in one walk from the end
back to where the longest window starts. All is counted in integers, so no order of events, users or buckets changes a bit.

Results are (K, W, C, U): first for events of any type, then, where there is more than one type, for each of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from features.cutoff import DAY_MICROS
from features.observation import Observation
from features.timeline import Codes, Flags, Ints
from features.visible import Positions

NO_VALUE = np.iinfo(np.int64).min
"""Less than any value: what the largest of none is."""

Totals = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def counts(observation: Observation) -> Totals:
    """(K, W, C, U) int32 events per kind and window."""
    return _sums(observation, np.ones(len(observation.events.event_time), dtype=np.int32))


def sums(observation: Observation, amounts: Ints | Flags) -> Totals:
    """(K, W, C, U) sum of an integer (then int64) or a flag (int32) per event (N,), per kind and window."""
    return _sums(observation, amounts.astype(np.int32) if amounts.dtype == np.bool_ else amounts.astype(np.int64, copy=False))


def maxima(observation: Observation) -> Ints:
    """(K, W, C, U) largest value per kind and window, in ten-thousandths; `NO_VALUE` where no event has one."""
    events = observation.events
    valued = np.where(events.has_value, events.value, NO_VALUE)
    return _maxima(observation.starts, observation.end, events.event_type, len(observation.kinds), valued)


def active_days(observation: Observation) -> Ints:
    """(K, W, C, U) how many of the 24-hour days counted back from the cutoff hold an event, per kind and window."""
    events, kinds = observation.events, len(observation.kinds)
    return _active_days(observation.starts, observation.end, observation.cutoffs, events.event_time, events.event_type, kinds)


def distinct(observation: Observation, codes: Codes) -> Codes:
    """(W, C, U) different non-negative codes (N,) among the events of any type in each window."""
    last_met = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
    longest = int((observation.end - observation.begin).max(initial=0))
    return _distinct(observation.begin, observation.starts, observation.end, codes, last_met, np.empty(longest, dtype=np.bool_))


def _sums(observation: Observation, amounts: Totals) -> Totals:
    running = _running(observation.events.event_type, amounts, len(observation.kinds))
    totals: Totals = _differences(observation.starts, observation.end, running)
    return totals


@njit(cache=True, nogil=True)
def _running(event_type: Codes, amounts: Totals, kinds: int) -> Totals:
    """(N + 1, K) the sum of the amounts of each kind before each event, over all users; it may wrap, its differences do not."""
    running = np.zeros((len(amounts) + 1, kinds), dtype=amounts.dtype)
    for i in range(len(amounts)):
        running[i + 1] = running[i]
        running[i + 1, 0] += amounts[i]
        if kinds > 1:
            running[i + 1, event_type[i] + 1] += amounts[i]
    return running


@njit(cache=True, nogil=True)
def _differences(starts: Positions, end: Positions, running: Totals) -> Totals:
    windows, cutoffs, users = starts.shape
    kinds = running.shape[1]
    totals = np.empty((kinds, windows, cutoffs, users), dtype=running.dtype)
    for c in range(cutoffs):
        for window in range(windows):
            for user in range(users):
                upto, before = running[end[c, user]], running[starts[window, c, user]]
                for kind in range(kinds):
                    totals[kind, window, c, user] = upto[kind] - before[kind]
    return totals


@njit(cache=True, nogil=True)
def _maxima(starts: Positions, end: Positions, event_type: Codes, kinds: int, value: Ints) -> Ints:
    windows, cutoffs, users = starts.shape
    largest = np.empty((kinds, windows, cutoffs, users), dtype=np.int64)
    met = np.empty(kinds, dtype=np.int64)
    for c in range(cutoffs):
        for user in range(users):
            met[:] = NO_VALUE
            i = end[c, user]
            for window in range(windows):
                while i > starts[window, c, user]:
                    i -= 1
                    met[0] = max(met[0], value[i])
                    if kinds > 1:
                        met[event_type[i] + 1] = max(met[event_type[i] + 1], value[i])
                for kind in range(kinds):
                    largest[kind, window, c, user] = met[kind]
    return largest


@njit(cache=True, nogil=True)
def _active_days(starts: Positions, end: Positions, cutoffs: Ints, time: Ints, event_type: Codes, kinds: int) -> Ints:
    """A day counts where the walk meets it first, once for any type and once for each."""
    windows, _, users = starts.shape
    active = np.empty((kinds, windows, len(cutoffs), users), dtype=np.int64)
    met, day_of = np.empty(kinds, dtype=np.int64), np.empty(kinds, dtype=np.int64)
    for c in range(len(cutoffs)):
        for user in range(users):
            met[:], day_of[:] = 0, -1
            i, day, day_begins = end[c, user], 0, cutoffs[c] - DAY_MICROS
            for window in range(windows):
                while i > starts[window, c, user]:
                    i -= 1
                    if time[i] < day_begins:
                        day = (cutoffs[c] - 1 - time[i]) // DAY_MICROS
                        day_begins = cutoffs[c] - (day + 1) * DAY_MICROS
                    for kind in (0, event_type[i] + 1) if kinds > 1 else (0, 0):
                        if day_of[kind] != day:
                            day_of[kind] = day
                            met[kind] += 1
                for kind in range(kinds):
                    active[kind, window, c, user] = met[kind]
    return active


@njit(cache=True, nogil=True)
def _distinct(begin: Positions, starts: Positions, end: Positions, codes: Codes, last_met: Ints, latest: Flags) -> Codes:
    """Counts the events that are the latest of their code before the cutoff.

    latest    whether an event is one, by its place in the user's range; grows with the cutoffs, scratch
    last_met  by code, how many events had been met in all when it was met last; scratch, −1 at first
    """
    windows, cutoffs, users = starts.shape
    found = np.empty((windows, cutoffs, users), dtype=np.int32)
    before = np.empty(len(latest) + 1, dtype=np.int64)
    met = 0
    for user in range(users):
        size, opened = 0, met
        for c in range(cutoffs):
            first = begin[c, user]
            if c > 0 and first != begin[c - 1, user]:
                size, opened = 0, met
            while first + size < end[c, user]:
                code = codes[first + size]
                latest[size] = code >= 0
                if code >= 0:
                    if last_met[code] >= opened:
                        latest[last_met[code] - opened] = 0
                    last_met[code] = met
                size += 1
                met += 1
            total = 0
            for place in range(starts[windows - 1, c, user] - first, size):
                before[place] = total
                total += latest[place]
            before[size] = total
            for window in range(windows):
                found[window, c, user] = total - before[starts[window, c, user] - first]
    return found
