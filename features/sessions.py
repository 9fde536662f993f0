"""Sessions: how often a user visits, and what happens in a visit."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature, ratio, within
from features.observation import Observation
from features.target import ANY
from features.timeline import Codes, Ints
from features.visible import Positions

MINUTE_MICROS = 60_000_000

SESSIONS, EVENTS, DURATION, VALUE, LATEST_BEGAN, LATEST_EVENTS = range(6)


def sessions(observation: Observation) -> Columns:
    """Sessions per kind and window, and over the lookback what they hold on average and how the latest compares.

    A session is a given id, or with `session_minutes` a run of a user's visible events without a longer pause. It counts in a window
    if one of its events of that kind lies there. What lies before the lookback belongs to no session. The latest session is the one
    of the last event that belongs to one. Without any session counts are 0 and the rest NaN; events without a value add nothing.
    """
    seen, events, codes = observation, observation.events, _codes(observation)
    numbers = _counts(seen.starts, seen.end, events.event_type, codes, len(seen.kinds))
    for kind in observation.kinds:
        for window, days in enumerate(observation.windows):
            holding = "" if kind.name == ANY else f" with {kind.noun}"
            sentence = f"{{value}} sessions{holding} {within(days)}"
            yield Column(Feature(f"sessions_{kind.name}_{days}d", "sessions", sentence), numbers[kind.place, window])
    yield from _visits(_totals(seen.recent, seen.end, events.event_time, events.value, codes), observation)


def _visits(sums: Ints, observation: Observation) -> Columns:
    """What the sessions of the lookback hold on average, and the latest."""
    count, latest = sums[SESSIONS], sums[LATEST_EVENTS]
    began = np.where(count > 0, observation.cutoffs[:, None] - sums[LATEST_BEGAN], 0)
    columns = {
        "session_events_mean": ("events", "{value} events in a session on average", ratio(sums[EVENTS], count)),
        "session_minutes_mean": ("minutes", "{value} minutes in a session on average", ratio(sums[DURATION], count * MINUTE_MICROS)),
        "session_value_mean": ("value", "sessions worth {value} on average", ratio(sums[VALUE], count * VALUE_SCALE)),
        "days_since_session": ("days", "{value} days since the latest session began", ratio(began, (count > 0) * DAY_MICROS)),
        "latest_session_events": ("events", "{value} events in the latest session", ratio(latest, count > 0)),
        "latest_session_ratio": (
            "ratio",
            "{value} times as many events in the latest session as usual",
            ratio(latest * count, sums[EVENTS]),
        ),
    }
    none = f"no sessions {within(observation.definition.lookback_days)}"
    for name, (unit, sentence, values) in columns.items():
        yield Column(Feature(name, unit, f"{sentence}|{none}"), values)


def _codes(observation: Observation) -> Codes:
    """(N,) small numbers: equal within a session, different between those of one user; −1 for an event outside of any."""
    pause = observation.definition.session_minutes * MINUTE_MICROS
    if pause:
        # Neighbours in the array are neighbours in every range, so a pause between them is the same at every cutoff.
        time = observation.events.event_time
        return np.cumsum(np.diff(time, prepend=time[:1]) > pause, dtype=np.int32)
    given = observation.events.session
    return _renumbered(given, int(given.max(initial=-1)) + 1)


@njit(cache=True, nogil=True)
def _renumbered(codes: Codes, count: int) -> Codes:
    """Codes numbered by first use: what lies close together in the events lies close together in memory."""
    numbers, renumbered, following = np.full(count, -1, dtype=np.int32), np.full(len(codes), -1, dtype=np.int32), 0
    for i in range(len(codes)):
        if codes[i] >= 0:
            if numbers[codes[i]] < 0:
                numbers[codes[i]] = following
                following += 1
            renumbered[i] = numbers[codes[i]]
    return renumbered


@njit(cache=True, nogil=True)
def _counts(starts: Positions, end: Positions, kind: Codes, session: Codes, kinds: int) -> Ints:
    """(K, W, C, U) sessions per kind and window; one counts where the walk back meets it first, in the shortest window that holds it."""
    windows, cutoffs, users = starts.shape
    numbers, met = np.empty((kinds, windows, cutoffs, users), dtype=np.int64), np.empty(kinds, dtype=np.int64)
    stamps, walk = np.zeros((_size(session), kinds), dtype=np.int32), 0
    for c in range(cutoffs):
        for user in range(users):
            met[:] = 0
            walk += 1
            i = end[c, user]
            for window in range(windows):
                while i > starts[window, c, user]:
                    i -= 1
                    if session[i] < 0:
                        continue
                    for place in (0, kind[i] + 1) if kinds > 1 else (0, 0):
                        if stamps[session[i], place] != walk:
                            stamps[session[i], place] = walk
                            met[place] += 1
                for place in range(kinds):
                    numbers[place, window, c, user] = met[place]
    return numbers


@njit(cache=True, nogil=True)
def _totals(recent: Positions, end: Positions, time: Ints, value: Ints, session: Codes) -> Ints:
    """(6, C, U) sums over the sessions of the lookback, which grow as the walk goes back."""
    totals = np.zeros((6, *end.shape), dtype=np.int64)
    stamps, began = np.zeros(_size(session), dtype=np.int32), np.empty(_size(session), dtype=np.int64)
    walk = 0
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            walk += 1
            latest, total = -1, totals[:, c, user]
            for i in range(end[c, user] - 1, recent[c, user] - 1, -1):
                code = session[i]
                if code < 0:
                    continue
                if stamps[code] == walk:
                    total[DURATION] += began[code] - time[i]
                else:
                    stamps[code] = walk
                    total[SESSIONS] += 1
                began[code] = time[i]
                total[EVENTS] += 1
                total[VALUE] += value[i]
                latest = code if latest < 0 else latest
                total[LATEST_EVENTS] += code == latest
            if latest >= 0:
                total[LATEST_BEGAN] = began[latest]
    return totals


@njit(cache=True, nogil=True, inline="always")
def _size(codes: Codes) -> int:
    return codes.max() + 1 if len(codes) else 0
