"""What happened after a cutoff: the only code that looks past one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.cutoff import Cutoff
from features.target import Target
from features.timeline import Timeline

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
    """The outcome of `target` in its prediction window, for every user of the whole (uncut) timeline."""
    return Outcome(labels(timeline, target, cutoff), np.full(timeline.users, np.nan), np.full(timeline.users, None, dtype=object))


def labels(timeline: Timeline, target: Target, cutoff: Cutoff) -> Labels:
    """(U,) int8 outcome of `target` in its prediction window [start, end), for every user of the whole (uncut) timeline.

    `occurs`: 1 if at least one event of the type has its `event_time` in the window; `absent`: 1 if none has. When an event
    became available does not matter: one that arrived late happened all the same. An event that is there twice counts once.
    The caller makes sure that the window has closed (`Target.matured`). Raises ValueError for a kind without a yes or no.
    """
    start, end = target.window(cutoff)
    inside = (timeline.event_time >= start.micros) & (timeline.event_time < end.micros)
    happened = timeline.per_user(inside & timeline.of_type(target.event_type)) > 0
    if target.kind == "occurs":
        return happened.astype(np.int8)
    if target.kind == "absent":
        return (~happened).astype(np.int8)
    raise ValueError(f"Target '{target.name}' is of kind '{target.kind}'; labels exist for occurs and absent")
