"""Which events each user had shown by each cutoff, as ranges: the one place that decides what a feature may see.

A user's events are sorted by time, so what a cutoff shows is mostly a prefix of them:

    events of a user   [ 3   7   9   15  22 ]
    cutoff 10           begin ──────▶ end
    cutoff 20           begin ───────────▶ end

The newest events before a cutoff that were not known yet only make the prefix shorter. An older one, with events behind it that were
known, would be a hole in it. For the few users and cutoffs where there is one, the visible events are copied behind all others, so that
a range without holes exists for every user and cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from features.timeline import EVENT_ARRAYS, Flags, Ints, Timeline

Positions = npt.NDArray[np.int32]
"""Places in the arrays of events: half the memory to go through, and no arrays of 2³¹ events are held at once."""


@dataclass(frozen=True)
class Visible:
    """events: the timeline, with copies behind it; begin, end (C, U): at cutoff c, user u has shown the events [begin, end)."""

    events: Timeline
    begin: Positions
    end: Positions


def visible(timeline: Timeline, cutoffs: Ints) -> Visible:
    """What each of C ascending cutoffs (microseconds) shows of each user: `event_time < cutoff` and `available_at <= cutoff`.

    Raises ValueError for cutoffs that are not ascending.
    """
    if np.any(cutoffs[1:] < cutoffs[:-1]):
        raise ValueError(f"Cutoffs must ascend, got {cutoffs.tolist()} microseconds")
    begin, end, holes = _prefixes(timeline.offsets, timeline.event_time, timeline.available_at, cutoffs)
    if not holes.any():
        return Visible(timeline, begin, end)
    copied = _without_holes(begin, end, holes, timeline.available_at, cutoffs)
    longer: dict[str, Any] = {name: np.concatenate([array := getattr(timeline, name), array[copied]]) for name in EVENT_ARRAYS}
    return Visible(replace(timeline, **longer), begin, end)


@njit(cache=True, nogil=True)
def _prefixes(offsets: Ints, event_time: Ints, available_at: Ints, cutoffs: Ints) -> tuple[Positions, Positions, Flags]:
    """(C, U) from each user's first event to behind the last that the cutoff shows, and whether one between them was not known yet."""
    users, count = len(offsets) - 1, len(cutoffs)
    begin, end = np.empty((count, users), dtype=np.int32), np.empty((count, users), dtype=np.int32)
    holes = np.zeros((count, users), dtype=np.bool_)
    behind = np.empty(count, dtype=np.int64)  # behind the last event that this cutoff is the first to show
    unknown = np.empty(count, dtype=np.int64)  # the first event before the cutoff that was not known yet
    for user in range(users):
        behind[:], unknown[:] = offsets[user], offsets[user + 1]
        later = 0  # the first cutoff after the event at hand
        for i in range(offsets[user], offsets[user + 1]):
            while later < count and cutoffs[later] <= event_time[i]:
                later += 1
            first = later
            while first < count and cutoffs[first] < available_at[i]:
                unknown[first] = min(unknown[first], i)
                first += 1
            if first < count:
                behind[first] = i + 1
        last = offsets[user]
        for c in range(count):
            last = max(last, behind[c])
            begin[c, user], end[c, user] = offsets[user], last
            holes[c, user] = unknown[c] < last
    return begin, end, holes


@njit(cache=True, nogil=True)
def _without_holes(begin: Positions, end: Positions, holes: Flags, available_at: Ints, cutoffs: Ints) -> Ints:
    """Positions of the events to copy, in order; `begin` and `end` are moved to where the copies will be."""
    longest = 0
    for c in range(holes.shape[0]):
        for user in range(holes.shape[1]):
            if holes[c, user]:
                longest += end[c, user] - begin[c, user]
    copied, count = np.empty(longest, dtype=np.int64), 0
    for c in range(holes.shape[0]):
        for user in range(holes.shape[1]):
            if holes[c, user]:
                first = count
                for i in range(begin[c, user], end[c, user]):
                    if available_at[i] <= cutoffs[c]:
                        copied[count] = i
                        count += 1
                begin[c, user], end[c, user] = len(available_at) + first, len(available_at) + count
    return copied[:count]
