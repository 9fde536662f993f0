"""What can be believed about each user from what was delivered: an exact forward filter of the known process.

A belief is an array (4, interest classes, U): the chance that each of U users is in an interest class and a situation,

    [ 0 customer, latest walk 0 | 1 customer, latest walk 1 | 2 gone for good | 3 not yet a customer ]

A day moves the situation (leave, join), then is observed: a session with its direction, or none that has arrived.
"""

from __future__ import annotations

import numpy as np

from pipeline.simulator.population import NO_SESSION
from pipeline.simulator.world import Floats, Small, World

CUSTOMER, GONE, OUTSIDE = slice(0, 2), 2, 3


def prior(world: World, users: int) -> Floats:
    """The belief before the first day; each user's sums to 1."""
    situation = np.array([*(world.founding * share for share in world.direction_share), 0.0, 1 - world.founding])
    classes = np.outer(situation, world.interest_share)
    return np.repeat(classes[:, :, None], users, axis=2)


def pass_night(belief: Floats, world: World, joining: float) -> Floats:
    """The belief after customers left and then others joined, each of those with chance `joining`."""
    moved = np.empty_like(belief)
    joined = belief[OUTSIDE] * joining
    moved[CUSTOMER] = belief[CUSTOMER] * (1 - world.churn) + joined * np.reshape(world.direction_share, (2, 1, 1))
    moved[GONE] = belief[GONE] + belief[CUSTOMER].sum(axis=0) * world.churn
    moved[OUTSIDE] = belief[OUTSIDE] - joined
    return moved


def observe_day(
    belief: Floats, rate: Floats, share: Floats, walk: Small, arrived: float, unseen: float = 1.0, *, directions: bool = True
) -> Floats:
    """The belief times the chance of what was seen of one day; not normalised.

    rate        (interest classes, 2) chance that a customer has a session, by the direction of the latest walk
    share       (2,) chance of each direction, drawn afresh in every session
    walk        (U,) direction of the session that has arrived, NO_SESSION where none has
    arrived     chance that a session of that day has arrived by now
    unseen      weight of a session that has not: 1, or the chance that it leads to nothing that matters
    directions  False: as for an observer who cannot tell the two directions apart

    No session arrived: there was none, or it is still under way and has redrawn the latest walk.
    """
    came = belief[CUSTOMER] * rate.T[:, :, None]
    total, quiet = came.sum(axis=0), walk == NO_SESSION
    weighed: Floats = belief * quiet
    for direction in (0, 1):
        missed = belief[direction] - came[direction] + total * ((1 - arrived) * unseen * share[direction])
        met = total * (arrived * share[direction] * ((walk == direction) if directions else 1.0))
        weighed[direction] = np.where(quiet, missed, met)
    return weighed


def normalised(belief: Floats) -> Floats:
    """Each user's weights, summing to 1."""
    return np.asarray(belief / belief.sum(axis=(0, 1)))


def joining_chance(world: World, day: int, days: int) -> float:
    """Chance that someone not yet a customer joins on `day`, given that all join on a uniformly drawn one of `days` days."""
    return 0.0 if world.founding == 1 else 1 / (days - day)
