"""Many looks back at once: for every cutoff and user the visible events, and where the windows begin.

All windows end at their cutoff, so a walk back from there meets the shortest window first:

    begin ─────────── recent ────────────────────────────── end
      older events       ◀───────── lookback ──────────────▶
                                  ◀── window of 30 days ───▶
                                                 ◀── of 7 ─▶
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from features.cutoff import DAY_MICROS, Cutoff
from features.definition import Definition
from features.target import ANY
from features.timeline import Ints, Timeline
from features.visible import visible

ALL_TYPES = -1


@dataclass(frozen=True)
class Kind:
    """Events of one type, or of any: `place` is its row in the arrays that have one per kind, `code` the event type (−1: any)."""

    name: str
    place: int
    code: int

    @property
    def noun(self) -> str:
        """What a person calls these events: `events`, or `purchase events`."""
        return "events" if self.name == ANY else f"{self.name.replace('_', ' ')} events"


@dataclass(frozen=True)
class Observation:
    """What every feature family reads.

    events            the arrays; a family walks through the ranges below and nowhere else
    cutoffs           (C,) microseconds, ascending
    begin, end        (C, U) the visible events of each user; `recent` the first of them in [cutoff − lookback, cutoff)
    starts            (W, C, U) the first event of each window, the shortest window first
    definition        windows and the rest of what the families need to know
    """

    events: Timeline
    cutoffs: Ints
    definition: Definition
    begin: Ints
    end: Ints
    recent: Ints
    starts: Ints

    @property
    def windows(self) -> tuple[int, ...]:
        """Days, ascending."""
        return self.definition.windows

    @property
    def shape(self) -> tuple[int, int]:
        """(C, U)."""
        cutoffs, users = self.end.shape
        return cutoffs, users

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """`any`, then each event type in configured order; a single event type is `any`."""
        types = self.events.event_types
        return (Kind(ANY, 0, ALL_TYPES), *(Kind(name, code + 1, code) for code, name in enumerate(types) if len(types) > 1))

    @property
    def by_type(self) -> tuple[Kind, ...]:
        """One kind per event type, in configured order."""
        return self.kinds[1:] or self.kinds

    @cached_property
    def edges(self) -> Ints:
        """(C, W) where each window begins: cutoff − days × 24 h."""
        return self.cutoffs[:, None] - np.array(self.windows, dtype=np.int64) * DAY_MICROS


def observe(timeline: Timeline, cutoffs: Sequence[Cutoff], definition: Definition) -> Observation:
    """The observation of a whole timeline at ascending cutoffs; what is not visible at a cutoff is in none of its ranges."""
    micros = np.array([cutoff.micros for cutoff in cutoffs], dtype=np.int64)
    seen = visible(timeline, micros)
    days = np.array([*definition.windows, definition.lookback_days], dtype=np.int64)
    starts = _starts(seen.begin, seen.end, seen.events.event_time, micros - days[:, None] * DAY_MICROS)
    return Observation(seen.events, micros, definition, seen.begin, seen.end, starts[-1], starts[:-1])


@njit(cache=True, nogil=True)
def _starts(begin: Ints, end: Ints, event_time: Ints, earliest: Ints) -> Ints:
    """(W, C, U) the first position of each range with `event_time >= earliest` (W, C), which falls from window to window.

    No window begins before the next longer one of its cutoff, nor before its own of an earlier cutoff: each user's events are passed
    about once per window, whatever the number of cutoffs.
    """
    windows, cutoffs, users = earliest.shape[0], begin.shape[0], begin.shape[1]
    starts = np.empty((windows, cutoffs, users), dtype=np.int64)
    for c in range(cutoffs):
        for window in range(windows - 1, -1, -1):
            for user in range(users):
                start = begin[c, user] if window == windows - 1 else starts[window + 1, c, user]
                if c > 0 and begin[c, user] == begin[c - 1, user]:
                    start = max(start, starts[window, c - 1, user])
                while start < end[c, user] and event_time[start] < earliest[window, c]:
                    start += 1
                starts[window, c, user] = start
    return starts
