"""Which events each user had shown by each cutoff, as ranges: the one place that decides what a feature may see.

A user's events are sorted by time, so what a cutoff shows is mostly a prefix of them:

    events of a user   [ 3   7   9   15  22 ]
    cutoff 10           begin ──────▶ end
    cutoff 20           begin ───────────▶ end

An event that happened before a cutoff and became known after it would be a hole in that prefix. For the few users and cutoffs where
there is one, the visible events are copied behind all others, so that a range without holes exists for every user and cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit

from features.timeline import EVENT_ARRAYS, Flags, Ints, Timeline


@dataclass(frozen=True)
class Visible:
    """events: the timeline, with copies behind it; begin, end (C, U): at cutoff c, user u has shown the events [begin, end)."""

    events: Timeline
    begin: Ints
    end: Ints


def visible(timeline: Timeline, cutoffs: Ints) -> Visible:
    """What each of C ascending cutoffs (microseconds) shows of each user: `event_time < cutoff` and `available_at <= cutoff`."""
    end, holes = _prefixes(timeline.offsets, timeline.event_time, timeline.available_at, cutoffs)
    begin = np.broadcast_to(timeline.offsets[:-1], end.shape).copy()
    if holes.any():
        return _filled(timeline, cutoffs, begin, end, holes)
    return Visible(timeline, begin, end)


def _filled(timeline: Timeline, cutoffs: Ints, begin: Ints, end: Ints, holes: Flags) -> Visible:
    """Ranges without holes, over copies where there were some; `begin` and `end` are overwritten."""
    pieces, behind = [], len(timeline.event_time)
    for c, u in np.argwhere(holes):
        positions = np.arange(begin[c, u], end[c, u])
        shown = positions[timeline.available_at[positions] <= cutoffs[c]]
        begin[c, u], end[c, u] = behind, behind + len(shown)
        behind += len(shown)
        pieces.append(shown)
    copied = np.concatenate(pieces)
    longer: dict[str, Any] = {name: np.concatenate([array := getattr(timeline, name), array[copied]]) for name in EVENT_ARRAYS}
    return Visible(replace(timeline, **longer), begin, end)


@njit(cache=True, nogil=True)
def _prefixes(offsets: Ints, event_time: Ints, available_at: Ints, cutoffs: Ints) -> tuple[Ints, Flags]:
    """(C, U) the end of each prefix of events before the cutoff, and whether one of them was not known yet."""
    users, count = len(offsets) - 1, len(cutoffs)
    end = np.empty((count, users), dtype=np.int64)
    holes = np.zeros((count, users), dtype=np.bool_)
    for user in range(users):
        later = 0  # the first cutoff after the event at hand
        for i in range(offsets[user], offsets[user + 1]):
            while later < count and cutoffs[later] <= event_time[i]:
                end[later, user] = i
                later += 1
            c = later
            while c < count and available_at[i] > cutoffs[c]:
                holes[c, user] = True
                c += 1
        for c in range(later, count):
            end[c, user] = offsets[user + 1]
    return end, holes
