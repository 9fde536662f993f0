"""The best possible answer: each user's probability of each target at each cutoff, given what had been delivered by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from features.target import ANY, Target
from pipeline.simulator.belief import CUSTOMER, GONE
from pipeline.simulator.browsing import DAY_SECONDS, Activity
from pipeline.simulator.forecast import answerable, no_event, session_without
from pipeline.simulator.observer import Observer
from pipeline.simulator.population import Population
from pipeline.simulator.world import PURCHASE, Floats, Ints, Small, World, none_marked

TARGETS = (
    Target("purchase_7d", "occurs", "purchase", 7),
    Target("churn_28d", "absent", ANY, 28),
)
FIRST_CUTOFF, STEP = 28, 7
UNKNOWN = -1


@dataclass(frozen=True)
class Answer:
    """One target at one cutoff, for the n users with something delivered by then.

    cutoff        day at whose midnight, UTC, the answer is given
    user          (n,) user numbers, ascending
    probability   (n,) given what had been delivered: no model can know more
    given_hidden  (n,) given also classes, situation, latest walk, and the purchases whose session is still under way
    happened      (n,) 0 or 1; UNKNOWN where the horizon runs past the simulated days
    """

    target: Target
    cutoff: int
    user: Ints
    probability: Floats
    given_hidden: Floats
    happened: Small


def cutoff_days(days: int) -> tuple[int, ...]:
    """Days at whose midnight the oracle answers: the end of the span, and by weeks back from it, not before day 28."""
    return tuple(sorted({days, *range(days, FIRST_CUTOFF - 1, -STEP)}))


@dataclass(frozen=True)
class Oracle:
    """Everything there is to know about one simulated shop, and how much of it an observer may use."""

    world: World
    first: date
    population: Population
    activity: Activity

    @property
    def days(self) -> int:
        """Days in the simulated span."""
        return len(self.population.walk)

    def answers(self, targets: Sequence[Target], cutoffs: Sequence[int], *, directions: bool = True) -> Iterator[Answer]:
        """Every target at every cutoff, cutoffs ascending; `directions=False`: for an observer blind to the order of views.

        Raises NightcastError for a target that the oracle does not know the answer to.
        """
        for target in targets:
            answerable(target)
        rates = self.world.rates(self.first, self.days + max(target.horizon_days for target in targets))
        observer = Observer(self.world, rates, self.activity.sessions, self.population.walk.shape, directions=directions)
        for cutoff in sorted(cutoffs):
            observer.settle(cutoff)
            plain = observer.belief(cutoff, np.ones(self.world.latest))
            user, buying = self._buying_belief(cutoff)
            for target in targets:
                ahead = rates[cutoff : cutoff + target.horizon_days]
                quiet = no_event(self.world, ahead, session_without(self.world, target))
                none = (buying * self._observed_quiet(observer, plain, cutoff, target, quiet)[user]).sum(axis=1)
                hidden = self._hidden_quiet(cutoff, quiet)[user]
                none *= self._kept(cutoff, target, delivered=True)[user]
                hidden *= self._kept(cutoff, target, delivered=False)[user]
                flip = target.kind == "occurs"
                happened = self._happened(cutoff, target)[user]
                yield Answer(target, cutoff, user, 1 - none if flip else none, 1 - hidden if flip else hidden, happened)

    def _buying_belief(self, cutoff: int) -> tuple[Ints, Floats]:
        """(n,) users with a delivered session, and (n, buying classes) belief: each cart was a trial, each purchase a success."""
        sessions, chance = self.activity.sessions, np.asarray(self.world.buying)
        known = sessions.day + sessions.late < cutoff
        users, bought, carts = sessions.user[known], self.activity.bought[known], self.activity.carts[known]
        count = len(self.population.before)
        successes, trials = np.bincount(users, bought, count), np.bincount(users, carts, count)
        log = np.log(self.world.buying_share) + successes[:, None] * np.log(chance) + (trials - successes)[:, None] * np.log1p(-chance)
        weights = np.exp(log - log.max(axis=1, keepdims=True))
        user = np.unique(users)
        return user, (weights / weights.sum(axis=1, keepdims=True))[user]

    def _observed_quiet(self, observer: Observer, plain: Floats, cutoff: int, target: Target, quiet: Floats) -> Floats:
        """(U, buying classes) chance that neither sessions to come, nor purchases under way, bring the target's event."""
        ages = np.arange(1, self.world.latest + 1)
        total = plain.sum(axis=(0, 1))
        columns = []
        for chance, future in zip(self.world.bought(), quiet, strict=True):
            tilted = plain
            if target.event_type == ANY:
                tilted = observer.belief(cutoff, none_marked(chance * self.world.returned_within(ages, target.horizon_days)))
            columns.append((np.einsum("wku,kw->u", tilted[CUSTOMER], future) + tilted[GONE].sum(axis=0)) / total)
        return np.stack(columns, axis=1)

    def _hidden_quiet(self, cutoff: int, quiet: Floats) -> Floats:
        """(U,) chance that sessions to come bring no event, given the user's hidden state."""
        people = self.population
        return np.where(people.customer(cutoff - 1), quiet[people.buying, people.interest, people.latest_walk(cutoff)], 1.0)

    def _kept(self, cutoff: int, target: Target, *, delivered: bool) -> Floats:
        """(U,) chance that no purchase made so far is cancelled within the horizon; 1 where cancellations do not count."""
        kept = np.ones(len(self.population.before))
        if target.event_type != ANY:
            return kept
        sessions, purchases = self.activity.sessions, self.activity.purchases
        day, user = sessions.day[purchases.session], sessions.user[purchases.session]
        known = day + sessions.late[purchases.session] * delivered < cutoff
        open_ = known & (purchases.cancelled >= cutoff)
        chance = self.world.returned_within(cutoff - day[open_], target.horizon_days)
        np.multiply.at(kept, user[open_], 1 - chance)
        return kept

    def _happened(self, cutoff: int, target: Target) -> Small:
        """(U,) whether it came true, by the time of the events, delivered or not."""
        end = cutoff + target.horizon_days
        if end > self.days:
            return np.full(len(self.population.before), UNKNOWN, dtype=np.int8)
        events = self.activity.events
        within = (events.second >= cutoff * DAY_SECONDS) & (events.second < end * DAY_SECONDS)
        if target.event_type != ANY:
            within &= events.kind == PURCHASE
        met = np.bincount(events.user[within], minlength=len(self.population.before)) > 0
        return np.asarray(met == (target.kind == "occurs"), dtype=np.int8)
