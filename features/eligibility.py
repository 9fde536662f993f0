"""Who is asked about at a cutoff, and on how much knowledge the answer rests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.cutoff import DAY_MICROS, Cutoff
from features.target import Target
from features.timeline import Flags, Timeline

RICH_EVENTS = 5
RICH_ACTIVE_DAYS = 2


def eligible(view: Timeline, target: Target, cutoff: Cutoff) -> Flags:
    """(U,) whether the user has a visible event of `target.eligible_event_type` in [cutoff − within, cutoff); 0 days: ever before.

    `view` was cut by `Timeline.as_of(cutoff)`.
    """
    asked = view.of_type(target.eligible_event_type)
    if target.eligible_within_days:
        asked = asked & (view.event_time >= cutoff.plus_days(-target.eligible_within_days).micros)
    return view.per_user(asked) > 0


def score_basis(view: Timeline) -> npt.NDArray[np.object_]:
    """(U,) what is known of each user: `rich`, `thin` or `new`.

    `rich`: at least 5 visible events on at least 2 days (UTC); `new`: no visible event; `thin`: anything between.
    """
    events = np.diff(view.offsets)
    day = view.event_time // DAY_MICROS
    first_of_day = np.diff(day, prepend=-1) != 0
    first_of_day[view.offsets[:-1][events > 0]] = True
    rich = (events >= RICH_EVENTS) & (view.per_user(first_of_day) >= RICH_ACTIVE_DAYS)
    return np.where(rich, "rich", np.where(events > 0, "thin", "new")).astype(object)
