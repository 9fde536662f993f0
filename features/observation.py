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
from features.target import ANY, ANY_CODE
from features.timeline import Ints, Timeline
from features.visible import Positions, visible


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
    begin: Positions
    end: Positions
    recent: Positions
    starts: Positions

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
        return (Kind(ANY, 0, ANY_CODE), *(Kind(name, code + 1, code) for code, name in enumerate(types) if len(types) > 1))

    @property
    def by_type(self) -> tuple[Kind, ...]:
        """One kind per event type, in configured order."""
        return self.kinds[1:] or self.kinds


def observe(timeline: Timeline, cutoffs: Sequence[Cutoff], definition: Definition) -> Observation:
    """The observation of a whole timeline at ascending cutoffs; what is not visible at a cutoff is in none of its ranges."""
    micros = np.array([cutoff.micros for cutoff in cutoffs], dtype=np.int64)
    seen = visible(timeline, micros)
    days = np.array([*definition.windows, definition.lookback_days], dtype=np.int64)
    instants, place = np.unique(micros - days[:, None] * DAY_MICROS, return_inverse=True)
    starts = _starts(seen.begin, seen.end, seen.events.event_time, instants, place.reshape(len(days), len(micros)))
    return Observation(seen.events, micros, definition, seen.begin, seen.end, starts[-1], starts[:-1])


@njit(cache=True, nogil=True)
def _starts(begin: Positions, end: Positions, event_time: Ints, instants: Ints, place: Ints) -> Positions:
    """(W, C, U) the first position of each range that is not before `instants[place]`, of ascending instants and (W, C) places.

    Windows of different cutoffs often begin at one instant, and a user's events are passed once for all of them.
    """
    windows, cutoffs = place.shape
    users = begin.shape[1]
    starts = np.empty((windows, cutoffs, users), dtype=np.int32)
    reached = np.empty(len(instants), dtype=np.int64)
    for user in range(users):
        for c in range(cutoffs):
            if c == 0 or begin[c, user] != begin[c - 1, user]:
                _pass(begin[:, user], end[:, user], c, event_time, instants, reached)
            for window in range(windows):
                starts[window, c, user] = min(reached[place[window, c]], end[c, user])
    return starts


@njit(cache=True, nogil=True, inline="always")
def _pass(begin: Positions, end: Positions, c: int, event_time: Ints, instants: Ints, reached: Ints) -> None:
    """Where each instant lies among the events that begin as those of cutoff c, up to the last cutoff at which they do."""
    i, upto = begin[c], end[c]
    for later in range(c + 1, len(begin)):
        if begin[later] != i:
            break
        upto = end[later]
    for number in range(len(instants)):
        while i < upto and event_time[i] < instants[number]:
            i += 1
        reached[number] = i
