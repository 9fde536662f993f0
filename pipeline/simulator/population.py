"""Who the users are, and on which days they come: the hidden lives and the sessions they lead to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.simulator.world import Flags, Floats, Ints, Small, World

NEVER = np.iinfo(np.int64).max // 2
NO_SESSION = -1


@dataclass(frozen=True)
class Population:
    """U users, drawn independently of their number, so the order of ids says nothing.

    interest, buying  (U,) hidden classes
    joined, left      (U,) first day as a customer (−1: before the first day), first day no longer one (NEVER: stays)
    walk              (D, U) direction of the day's walk, NO_SESSION where there was none
    before            (U,) direction of the walk before the first one drawn here
    """

    interest: Ints
    buying: Ints
    joined: Ints
    left: Ints
    walk: Small
    before: Small

    def customer(self, day: int) -> Flags:
        """(U,) who could have a session on `day`."""
        return (self.joined <= day) & (day < self.left)

    def latest_walk(self, day: int) -> Small:
        """(U,) direction of each user's latest walk before `day`."""
        if day == 0:
            return self.before
        came = self.walk[:day][::-1] != NO_SESSION
        latest = day - 1 - came.argmax(axis=0)
        return np.where(came.any(axis=0), self.walk[latest, np.arange(len(self.before))], self.before)


def draw(world: World, users: int, days: int, rates: Floats, rng: np.random.Generator) -> Population:
    """A population over `days` days; `rates` as of `World.rates`, at least `days` long.

    At the start of a day customers leave, then new ones join; then each has at most one session, whose direction is drawn afresh.
    """
    interest = rng.choice(len(world.interest), size=users, p=world.interest_share)
    buying = rng.choice(len(world.buying), size=users, p=world.buying_share)
    joined = np.where(rng.random(users) < world.founding, -1, rng.integers(0, days, users))
    left = joined + rng.geometric(world.churn, users) if world.churn > 0 else np.full(users, NEVER)
    before = _directions(world, users, rng)
    latest, walk = before, np.full((days, users), NO_SESSION, dtype=np.int8)
    for day in range(days):
        chance = rates[day, interest, latest] * ((joined <= day) & (day < left))
        came = rng.random(users) < chance
        walk[day] = np.where(came, _directions(world, users, rng), NO_SESSION)
        latest = np.where(came, walk[day], latest)
    return Population(interest, buying, joined, left, walk, before)


def _directions(world: World, users: int, rng: np.random.Generator) -> Small:
    return (rng.random(users) >= world.direction_share[0]).astype(np.int8)
