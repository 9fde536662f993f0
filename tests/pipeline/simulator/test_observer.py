"""The filter against an enumeration of every life that could have been."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
import pytest

from pipeline.simulator.browsing import Sessions
from pipeline.simulator.observer import Observer
from pipeline.simulator.population import NO_SESSION
from pipeline.simulator.world import World

DAYS, FIRST = 4, date(2025, 6, 1)
OUTSIDE, CUSTOMER, GONE = range(3)

Deliveries = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Life:
    """One possible life of a user up to the cutoff: its chance, hidden end, what is delivered, and what is still under way."""

    chance: float
    interest: int
    situation: int
    latest: int
    delivered: Deliveries
    under_way: tuple[int, ...]


def lives(world: World, cutoff: int) -> list[Life]:
    """Every life, written down day by day straight from the rules, with no shortcut of the filter."""
    rates = world.rates(FIRST, DAYS)
    found = []
    joinings = [(-1, world.founding), *((day, (1 - world.founding) / DAYS) for day in range(DAYS))]
    for interest, (joined, chance), before in product(range(2), joinings, range(2)):
        start = chance * world.interest_share[interest] * world.direction_share[before]
        found += _days(world, rates, cutoff, 0, joined, Life(start, interest, OUTSIDE if joined >= 0 else CUSTOMER, before, (), ()))
    return found


def _days(world: World, rates: np.ndarray, cutoff: int, day: int, joined: int, life: Life) -> list[Life]:
    if day == cutoff:
        return [life]
    nights = [(life.situation, 1.0)]
    if life.situation == CUSTOMER:
        nights = [(GONE, world.churn), (CUSTOMER, 1 - world.churn)]
    if joined == day:
        nights = [(CUSTOMER, 1.0)]
    found = []
    for situation, chance in nights:
        rate = rates[day, life.interest, life.latest] if situation == CUSTOMER else 0.0
        stay = Life(life.chance * chance * (1 - rate), life.interest, situation, life.latest, life.delivered, life.under_way)
        found += _days(world, rates, cutoff, day + 1, joined, stay)
        for walk, late in product(range(2), range(3)):
            weight = life.chance * chance * rate * world.direction_share[walk] * world.lateness[late]
            here = day + late < cutoff
            came = (*life.delivered, (day, walk)) if here else life.delivered
            away = life.under_way if here else (*life.under_way, cutoff - day)
            if weight > 0:
                found += _days(world, rates, cutoff, day + 1, joined, Life(weight, life.interest, situation, walk, came, away))
    return found


@pytest.mark.parametrize("directions", [True, False])
@pytest.mark.parametrize("cutoff", [1, 2, 3, 4])
def test_the_belief_is_that_of_an_enumeration_of_all_lives(tiny: World, cutoff: int, directions: bool) -> None:
    unseen = np.array([0.9, 0.4])
    expected: dict[Deliveries, np.ndarray] = defaultdict(lambda: np.zeros((2, 4, 2)))
    for life in lives(tiny, cutoff):
        key = life.delivered if directions else tuple((day, 0) for day, _ in life.delivered)
        place = {OUTSIDE: 3, GONE: 2, CUSTOMER: life.latest}[life.situation]
        weight = np.prod([unseen[age - 1] for age in life.under_way])
        expected[key][0, place, life.interest] += life.chance
        expected[key][1, place, life.interest] += life.chance * weight
    histories = list(expected)
    assert len(histories) == (3 if directions else 2) ** cutoff

    pairs = [(user, day, walk) for user, history in enumerate(histories) for day, walk in history]
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    sessions = Sessions(columns[0], columns[1], columns[2], np.zeros(len(pairs), dtype=np.int64))
    observer = Observer(tiny, tiny.rates(FIRST, DAYS), sessions, (DAYS, len(histories)), directions=directions)
    observer.settle(cutoff)
    plain, tilted = observer.belief(cutoff, np.ones(2)), observer.belief(cutoff, unseen)
    for user, history in enumerate(histories):
        even, weighted = expected[history]
        assert plain[..., user] / plain[..., user].sum() == pytest.approx(even / even.sum(), abs=1e-12)
        assert tilted[..., user].sum() / plain[..., user].sum() == pytest.approx(weighted.sum() / even.sum(), abs=1e-12)


def test_a_session_still_under_way_is_not_read(tiny: World) -> None:
    def belief_at(cutoff: int, *, late: int) -> np.ndarray:
        one = np.array([0])
        sessions = Sessions(one, np.array([1]), one, np.array([late]))
        observer = Observer(tiny, tiny.rates(FIRST, DAYS), sessions, (DAYS, 1))
        observer.settle(cutoff)
        return observer.belief(cutoff, np.ones(2))

    assert belief_at(3, late=2)[2, 0, 0] > 0
    assert belief_at(3, late=1)[2].sum() < belief_at(3, late=2)[2].sum()
    assert belief_at(4, late=2).tolist() == belief_at(4, late=0).tolist()


def test_reading_day_by_day_or_at_once_is_the_same(tiny: World) -> None:
    user, day = np.array([0, 1, 1]), np.array([0, 1, 2])
    sessions = Sessions(user, day, np.array([0, 1, 0]), np.array([2, 0, 1]))
    slow, fast = (Observer(tiny, tiny.rates(FIRST, DAYS), sessions, (DAYS, 2)) for _ in range(2))
    for cutoff in range(1, DAYS + 1):
        slow.settle(cutoff)
    fast.settle(DAYS)
    assert slow.belief(DAYS, np.ones(2)) == pytest.approx(fast.belief(DAYS, np.ones(2)))
    assert fast.walk.tolist() == [[0, NO_SESSION], [NO_SESSION, 1], [NO_SESSION, 0], [NO_SESSION, NO_SESSION]]
