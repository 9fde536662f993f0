"""An observer who knows the rules, reads every delivery, and keeps an exact belief about each user."""

from __future__ import annotations

import numpy as np

from pipeline.simulator.belief import joining_chance, normalised, observe_day, pass_night, prior
from pipeline.simulator.browsing import Sessions
from pipeline.simulator.population import NO_SESSION
from pipeline.simulator.world import Floats, World

NO_LATENESS = 127
"""Lateness where there is no session: more than any age."""


class Observer:
    """Reads the days in order. Days that can still receive late sessions are read anew at every cutoff.

    `rates` as of `World.rates`. With `directions=False` it is the same exact observer, blind to the order of the views.
    """

    def __init__(self, world: World, rates: Floats, sessions: Sessions, shape: tuple[int, int], *, directions: bool = True) -> None:
        self.world, self.rates, self.directions = world, rates, directions
        self.share, (self.days, users) = np.asarray(world.direction_share), shape
        self.walk = np.full(shape, NO_SESSION, dtype=np.int8)
        self.walk[sessions.day, sessions.user] = sessions.walk
        self.late = np.full(shape, NO_LATENESS, dtype=np.int8)
        self.late[sessions.day, sessions.user] = sessions.late
        self._settled, self._belief = 0, prior(world, users)

    def settle(self, cutoff: int) -> None:
        """Read for good the days whose sessions have all arrived by the midnight of day `cutoff`; cutoffs never go back."""
        for day in range(self._settled, max(cutoff - self.world.latest, 0)):
            self._belief = normalised(self._read(self._belief, day, cutoff, 1.0))
            self._settled = day + 1

    def belief(self, cutoff: int, unseen: Floats) -> Floats:
        """The belief at the midnight of day `cutoff`, after `settle(cutoff)`; not normalised.

        unseen  (latest,) weight of each session under way, by its age in days less one: 1, or the chance that it leads to
                nothing that matters. The ratio to the belief with ones is the mean weight given what was delivered.
        """
        belief = self._belief
        for day in range(self._settled, cutoff):
            belief = self._read(belief, day, cutoff, float(unseen[cutoff - day - 1]))
        return belief

    def _read(self, belief: Floats, day: int, cutoff: int, unseen: float) -> Floats:
        age = cutoff - day - 1
        arrived = np.where(self.late[day] <= age, self.walk[day], NO_SESSION).astype(np.int8)
        moved = pass_night(belief, self.world, joining_chance(self.world, day, self.days))
        return observe_day(moved, self.rates[day], self.share, arrived, self.world.seen_by(age), unseen, directions=self.directions)
