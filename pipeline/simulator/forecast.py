"""What a known hidden state says about the days ahead: backward recursion over the horizon."""

from __future__ import annotations

import numpy as np

from features.target import ANY, Target
from pipeline.errors import NightcastError
from pipeline.simulator.world import Floats, World, none_marked


def answerable(target: Target) -> None:
    """Raises NightcastError for a target whose probability the oracle does not know."""
    if target.kind not in {"occurs", "absent"} or target.event_type not in {ANY, "purchase"} or target.gap_days:
        raise NightcastError(
            f"The oracle does not answer target '{target.name}': {target.kind} {target.event_type}, gap {target.gap_days} days",
            mend="it answers `occurs` and `absent` of `purchase` and `any`, without a gap",
        )


def session_without(world: World, target: Target) -> Floats:
    """(buying classes,) chance that a session holds no event of the target's type."""
    return np.zeros(len(world.buying)) if target.event_type == ANY else none_marked(world.bought())


def no_event(world: World, rates: Floats, without: Floats) -> Floats:
    """(buying classes, interest classes, 2) chance that a customer's sessions bring no target event in the days of `rates`.

    rates    (horizon, interest classes, 2), the first day's first
    without  `session_without`

    From the last day back, with c the chance to leave that night, p of a session and s of `without`:
    quiet(walk) = c + (1 − c) · [(1 − p) · next(walk) + p · s · next's mean over directions].
    """
    quiet = np.ones((len(without), *rates.shape[1:]))
    for rate in rates[::-1]:
        redrawn = without[:, None, None] * (quiet @ np.asarray(world.direction_share))[..., None]
        quiet = world.churn + (1 - world.churn) * ((1 - rate) * quiet + rate * redrawn)
    return quiet
