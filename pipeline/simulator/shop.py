"""One simulated shop, drawn from a seed."""

from __future__ import annotations

from datetime import date

import numpy as np

from pipeline.simulator.browsing import browse
from pipeline.simulator.delivery import Batches, deliver
from pipeline.simulator.oracle import Oracle
from pipeline.simulator.population import draw
from pipeline.simulator.world import World


def simulate(world: World, users: int, days: int, first: date, seed: int) -> tuple[Batches, Oracle]:
    """The delivered batches of `days` days from `first` on, and the oracle that knows how they came about.

    Who comes when, what they do, and how it is delivered draw from separate streams of the seed.
    """
    lives, deeds, deliveries = (np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(3))
    population = draw(world, users, days, world.rates(first, days), lives)
    activity = browse(world, population, deeds)
    return deliver(world, activity, first, days, deliveries), Oracle(world, first, population, activity)
