"""One look back from a cutoff: the visible events of each type, and where every window begins in them.

All windows end at the cutoff, so the events of a window are the last ones of each user's range:

    offsets[u] ──────────── starts[30][u] ─────── starts[7][u] ── offsets[u+1]
               older events               ◀── window of 30 days ──▶
                                                   ◀── of 7 days ──▶
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.cutoff import DAY_MICROS, Cutoff
from features.target import ANY
from features.timeline import Codes, Flags, Ints, Timeline, running_total


@dataclass(frozen=True)
class Stream:
    """Events of one kind in the lookback, with `starts[days]` (U,): the first position at or after cutoff − days × 24 h."""

    kind: str
    view: Timeline
    cutoff: Cutoff
    starts: Mapping[int, Ints]

    @property
    def noun(self) -> str:
        """What a person calls these events: `events`, or `purchase events`."""
        return "events" if self.kind == ANY else f"{self.kind.replace('_', ' ')} events"

    @property
    def first(self) -> Ints:
        """(U,) where each user's range begins."""
        return self.view.offsets[:-1]

    @property
    def end(self) -> Ints:
        """(U,) one past each user's last event: where every window ends."""
        return self.view.offsets[1:]

    def counts(self, days: int) -> Ints:
        """(U,) events in the window."""
        return self.end - self.starts[days]

    def sums(self, amounts: npt.NDArray[np.bool_] | Ints) -> dict[int, Ints]:
        """For each window (U,) the sum of an integer or flag per event (N,): exact in any order."""
        total = running_total(amounts)
        at_end = total[self.end]
        return {days: at_end - total[starts] for days, starts in self.starts.items()}

    def maxima(self, amounts: Ints, days: int, *, empty: int) -> Ints:
        """(U,) largest amount (N,) in the window, `empty` where the window holds no event."""
        starts, end = self.starts[days], self.end
        filled = starts < end
        found = np.full(len(starts), empty, dtype=np.int64)
        if filled.any():
            edges = np.stack([starts[filled], end[filled]], axis=1).ravel()
            found[filled] = np.maximum.reduceat(np.append(amounts, empty), edges)[::2]
        return found

    def age_days(self) -> Ints:
        """(N,) whole days of 24 h back from the cutoff: 0 for [cutoff − 24 h, cutoff), 1 for the 24 h before that."""
        return (self.cutoff.micros - 1 - self.view.event_time) // DAY_MICROS

    def last_of_day(self) -> Flags:
        """(N,) whether the event is its user's last one in its 24-hour day: one flag for each active day."""
        last = np.ones(len(self.view.event_time), dtype=bool)
        last[:-1] = np.diff(self.age_days()) != 0
        last[self.end[self.end > self.first] - 1] = True
        return last

    def last_of_code(self, codes: Codes) -> Flags:
        """(N,) whether no later event of its user has the same code; never where the code is null.

        A code occurs in a window exactly if its last event does, so the flags of a window add up to its distinct codes.
        """
        given = np.flatnonzero(codes >= 0)
        pair = self.view.owner[given] * (int(codes.max(initial=0)) + 1) + codes[given]
        order = np.argsort(pair, kind="stable")
        closes = np.ones(len(order), dtype=bool)
        closes[:-1] = np.diff(pair[order]) != 0
        last = np.zeros(len(codes), dtype=bool)
        last[given[order[closes]]] = True
        return last


@dataclass(frozen=True)
class Observation:
    """What every feature family reads.

    everything: all visible events, for what a user's whole life says; streams: one per kind (`any` first, then each event type in
    configured order), holding only the lookback; windows: days, ascending, none longer than the lookback.
    """

    cutoff: Cutoff
    windows: tuple[int, ...]
    lookback_days: int
    everything: Timeline
    streams: tuple[Stream, ...]

    @property
    def all(self) -> Stream:
        """The lookback's events of every type."""
        return self.streams[0]

    @property
    def by_type(self) -> tuple[Stream, ...]:
        """One stream per event type, in configured order."""
        return self.streams[1:] or self.streams


def observe(view: Timeline, cutoff: Cutoff, windows: Sequence[int], lookback_days: int) -> Observation:
    """The observation of `view`, which was cut by `Timeline.as_of(cutoff)`.

    With a single event type, that type and `any` are one stream.
    """
    recent = view.where(view.event_time >= cutoff.plus_days(-lookback_days).micros)
    kinds = [(ANY, recent)]
    if len(view.event_types) > 1:
        kinds += [(name, recent.where(recent.of_type(name))) for name in view.event_types]
    streams = tuple(Stream(kind, events, cutoff, _starts(events, cutoff, windows)) for kind, events in kinds)
    return Observation(cutoff, tuple(windows), lookback_days, view, streams)


def _starts(view: Timeline, cutoff: Cutoff, windows: Sequence[int]) -> dict[int, Ints]:
    return {days: view.offsets[1:] - view.per_user(view.event_time >= cutoff.plus_days(-days).micros) for days in windows}
