"""The rules of a simulated shop: every probability that its events are drawn from, and that its oracle may use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

VIEW, CART, PURCHASE, CANCEL = range(4)
EVENT_TYPES = ("view", "cart", "purchase", "cancel")

DEPARTMENTS = (("kitchen", "lighting", "textiles"), ("books", "games", "music"))
CATEGORIES = tuple(name for department in DEPARTMENTS for name in department)
ITEMS_PER_CATEGORY = 60

LEGS = 4
EXTRA_VIEWS, EXTRA_VIEW = 6, 0.35

MAX_RATE = 0.95
WEEKDAYS = (0.95, 0.9, 0.9, 0.95, 1.05, 1.15, 1.1)
YEARLY_SWING, YEARLY_PEAK = 0.15, 340


@dataclass(frozen=True)
class World:
    """One shop's known truth. Shares sum to 1; days are UTC days.

    interest, interest_share  chance of a session on an average day, per interest class, and how many users are in each
    buying, buying_share      chance that a carted item is bought, per buying class, likewise; independent of the interest class
    carting                   chance that a viewed item is carted
    founding                  share of users who are customers before the first day; the others join on a uniformly drawn day
    churn                     chance that a customer leaves for good at the start of a day
    direction_share           chance that a session's walk goes in direction 0, and 1: a fresh draw for every session
    lift                      what the direction of a user's latest walk multiplies the chance of the next session by
    returned                  chance that a purchase is cancelled
    return_delay              chance that a cancellation comes `first_return + i` days after its purchase
    lateness                  chance that a whole session arrives i days late; cancellations never are
    duplicated, broken        shares of rows delivered twice, and of extra unusable rows
    """

    interest: tuple[float, ...]
    interest_share: tuple[float, ...]
    buying: tuple[float, ...]
    buying_share: tuple[float, ...]
    carting: float
    founding: float
    churn: float
    direction_share: tuple[float, float]
    lift: tuple[float, float]
    returned: float
    return_delay: tuple[float, ...]
    first_return: int
    lateness: tuple[float, ...]
    duplicated: float
    broken: float

    def __post_init__(self) -> None:
        for name in ("interest_share", "buying_share", "direction_share", "return_delay", "lateness"):
            if not np.isclose(total := sum(getattr(self, name)), 1.0):
                raise ValueError(f"{name} sums to {total}, not to 1")
        if self.first_return < len(self.lateness):
            raise ValueError(f"first_return = {self.first_return}: a cancellation may not arrive before a purchase {self.latest} days late")

    @property
    def latest(self) -> int:
        """Most days that a session can arrive late."""
        return len(self.lateness) - 1

    def rates(self, first: date, days: int) -> Floats:
        """(days, interest classes, 2) chance that a customer has a session on a day, by the direction of the latest walk."""
        interest = np.asarray(self.interest)[None, :, None]
        rates: Floats = np.minimum(MAX_RATE, season(first, days)[:, None, None] * interest * np.asarray(self.lift))
        return rates

    def bought(self) -> Floats:
        """(buying classes,) chance that a view ends in a purchase."""
        return np.asarray(self.carting * np.asarray(self.buying))

    def seen_by(self, age: int) -> float:
        """Chance that a session has arrived when `age` whole days have passed since its day ended."""
        return float(sum(self.lateness[: age + 1]))

    def returned_within(self, age: Ints, days: int) -> Floats:
        """Chance that a purchase made `age` days ago, still uncancelled, is cancelled in the next `days` days (shape of `age`).

        P(age ≤ delay < age + days) / P(not cancelled with a delay < age), by Bayes' rule.
        """
        by_delay = np.concatenate([np.zeros(self.first_return + 1), np.cumsum(self.return_delay)])
        before, after = (by_delay[np.minimum(limit, len(by_delay) - 1)] for limit in (age, age + days))
        return np.asarray(self.returned * (after - before) / (1 - self.returned * before))


def season(first: date, days: int) -> Floats:
    """(days,) weekly and yearly factor of each day from `first` on; its mean over a year is about 1."""
    dates = [first + timedelta(days=day) for day in range(days)]
    week = np.array([WEEKDAYS[day.weekday()] for day in dates])
    phase = np.array([day.timetuple().tm_yday - YEARLY_PEAK for day in dates]) * (2 * np.pi / 365.25)
    return np.asarray(week * (1 + YEARLY_SWING * np.cos(phase)))


def none_marked(chance: Floats) -> Floats:
    """Chance that a session has no marked view when each view is marked with `chance`, independently (same shape).

    The generating function of the number of views, `LEGS` plus binomial(`EXTRA_VIEWS`, `EXTRA_VIEW`), at 1 − `chance`.
    """
    return np.asarray((1 - chance) ** LEGS * (1 - EXTRA_VIEW * chance) ** EXTRA_VIEWS)
