"""Who is asked about at a cutoff, and on how much knowledge the answer rests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from features.cutoff import DAY_MICROS, Cutoff
from features.target import ANY_CODE, Target, type_code
from features.timeline import Codes, Flags, Ints, Timeline

RICH_EVENTS = 5
RICH_ACTIVE_DAYS = 2
EVER = np.iinfo(np.int64).min


def eligible(timeline: Timeline, target: Target, cutoff: Cutoff) -> Flags:
    """(U,) whether the user has a visible event of `target.eligible_event_type` in [cutoff − within, cutoff); 0 days: ever before.

    Visible: `event_time < cutoff` and `available_at <= cutoff`. A whole timeline and one cut at the cutoff give the same.
    Raises ValueError for an event type that the timeline lacks.
    """
    earliest = cutoff.plus_days(-target.eligible_within_days).micros if target.eligible_within_days else EVER
    return _shown(timeline, type_code(target.eligible_event_type, timeline.event_types), earliest, cutoff)


def seen(timeline: Timeline, cutoff: Cutoff) -> Flags:
    """(U,) whether the user has any visible event: others are not known yet."""
    return _shown(timeline, ANY_CODE, EVER, cutoff)


def score_basis(view: Timeline) -> npt.NDArray[np.object_]:
    """(U,) what is known of each user of a timeline that went through `as_of`: `rich`, `thin` or `new`.

    `rich`: at least 5 visible events on at least 2 days (UTC); `new`: no visible event; `thin`: anything between.
    """
    events = np.diff(view.offsets)
    day = view.event_time // DAY_MICROS
    first_of_day = np.diff(day, prepend=-1) != 0
    first_of_day[view.offsets[:-1][events > 0]] = True
    rich = (events >= RICH_EVENTS) & (view.per_user(first_of_day) >= RICH_ACTIVE_DAYS)
    return np.where(rich, "rich", np.where(events > 0, "thin", "new")).astype(object)


def _shown(timeline: Timeline, wanted: int, earliest: int, cutoff: Cutoff) -> Flags:
    return _walked_back(timeline.offsets, timeline.event_time, timeline.available_at, timeline.event_type, wanted, earliest, cutoff.micros)


@njit(cache=True, nogil=True)
def _walked_back(offsets: Ints, time: Ints, available_at: Ints, kind: Codes, wanted: int, earliest: int, cutoff: int) -> Flags:
    """(U,) whether the user has an event of the type in [earliest, cutoff) that was known at the cutoff; the newest are looked at first."""
    found = np.zeros(len(offsets) - 1, dtype=np.bool_)
    for user in range(len(found)):
        i = offsets[user] + np.searchsorted(time[offsets[user] : offsets[user + 1]], cutoff) - 1
        while i >= offsets[user] and time[i] >= earliest:
            if available_at[i] <= cutoff and (wanted < 0 or kind[i] == wanted):
                found[user] = True
                break
            i -= 1
    return found
