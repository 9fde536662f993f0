"""What happened after a cutoff: the only code that looks past one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from features.contract import VALUE_SCALE
from features.cutoff import Cutoff
from features.target import Target, type_code
from features.timeline import Codes, Flags, Ints, Timeline

Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Outcome:
    """What happened to U users after a cutoff.

    label   (U,) int8, 1: it happened
    amount  (U,) float64, the value of a `sum` target in the source's unit; NaN for other kinds
    item    (U,) object, the item of a `next_item` target; None where none followed, and for other kinds
    """

    label: Labels
    amount: npt.NDArray[np.float64]
    item: npt.NDArray[np.object_]


def outcome(timeline: Timeline, target: Target, cutoff: Cutoff) -> Outcome:
    """The outcome of `target` in its prediction window [start, end), for every user of the whole (uncut) timeline.

    `occurs`: label 1 if at least one event of the type has its `event_time` in the window; `absent`: 1 if none has.
    `sum`: the exact total value of these events, a null value counting as 0 and a cancellation as what it takes back; 1 if above 0.
    `next_item`: the item of the first of them that has one (ties in time: the first in the timeline's order); 1 if there is one.
    When an event became available does not matter: one that arrived late happened all the same.
    The caller makes sure that the window has closed (`Target.matured`). Raises ValueError for an event type that the timeline lacks.
    """
    start, end = (edge.micros for edge in target.window(cutoff))
    wanted = type_code(target.event_type, timeline.event_types)
    amount, item = np.full(timeline.users, np.nan), np.full(timeline.users, None, dtype=object)
    if target.kind == "sum":
        total = _total(timeline.offsets, timeline.event_time, timeline.event_type, timeline.value, wanted, start, end)
        return Outcome((total > 0).astype(np.int8), total / VALUE_SCALE, item)
    if target.kind == "next_item":
        position = _first(timeline.offsets, timeline.event_time, timeline.event_type, timeline.item >= 0, wanted, start, end)
        happened = position >= 0
        item[happened] = timeline.items[timeline.item[position[happened]]]
        return Outcome(happened.astype(np.int8), amount, item)
    happened = _first(timeline.offsets, timeline.event_time, timeline.event_type, None, wanted, start, end) >= 0
    return Outcome((happened == (target.kind == "occurs")).astype(np.int8), amount, item)


@njit(cache=True, nogil=True)
def _first(offsets: Ints, time: Ints, kind: Codes, asked: Flags | None, wanted: int, start: int, end: int) -> Ints:
    """(U,) position of each user's first event of the type in [start, end), among those `asked` (N,) for; −1 without one."""
    position = np.full(len(offsets) - 1, -1, dtype=np.int64)
    for user in range(len(position)):
        i = offsets[user] + np.searchsorted(time[offsets[user] : offsets[user + 1]], start)
        while i < offsets[user + 1] and time[i] < end:
            if (wanted < 0 or kind[i] == wanted) and (asked is None or asked[i]):
                position[user] = i
                break
            i += 1
    return position


@njit(cache=True, nogil=True)
def _total(offsets: Ints, time: Ints, kind: Codes, value: Ints, wanted: int, start: int, end: int) -> Ints:
    """(U,) the sum of each user's values of the type in [start, end), in ten-thousandths."""
    total = np.zeros(len(offsets) - 1, dtype=np.int64)
    for user in range(len(total)):
        i = offsets[user] + np.searchsorted(time[offsets[user] : offsets[user + 1]], start)
        while i < offsets[user + 1] and time[i] < end:
            if wanted < 0 or kind[i] == wanted:
                total[user] += value[i]
            i += 1
    return total
