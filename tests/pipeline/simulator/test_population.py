from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pipeline.simulator.population import NEVER, NO_SESSION, Population, draw
from pipeline.simulator.world import World

DAYS = 40


def population(world: World, users: int = 20_000) -> Population:
    return draw(world, users, DAYS, world.rates(date(2025, 6, 1), DAYS), np.random.default_rng(5))


def test_nobody_comes_before_joining_or_after_leaving(tiny: World) -> None:
    people = population(tiny)
    day, user = np.nonzero(people.walk != NO_SESSION)
    assert (people.joined[user] <= day).all()
    assert (day < people.left[user]).all()


def test_founders_are_there_before_the_first_day_and_the_rest_join_evenly(tiny: World) -> None:
    joined = population(tiny).joined
    assert (joined == -1).mean() == pytest.approx(0.4, abs=0.02)
    counts = np.bincount(joined[joined >= 0], minlength=DAYS)
    assert counts / counts.sum() == pytest.approx(np.full(DAYS, 1 / DAYS), abs=0.01)


def test_a_customer_leaves_each_night_with_the_same_chance(tiny: World) -> None:
    people = population(tiny)
    stayed = people.left - people.joined
    assert stayed.min() == 1
    assert [(stayed == nights).mean() for nights in (1, 2, 3)] == pytest.approx([0.1, 0.09, 0.081], abs=0.01)
    assert (population(replace(tiny, churn=0.0), 10).left == NEVER).all()


def test_the_chance_to_come_is_that_of_the_class_and_the_latest_walk(tiny: World) -> None:
    people, rates, day = population(tiny), tiny.rates(date(2025, 6, 1), DAYS), 20
    latest, there = people.latest_walk(day), people.customer(day)
    for interest in (0, 1):
        for walk in (0, 1):
            group = there & (people.interest == interest) & (latest == walk)
            error = 4 * np.sqrt(0.25 / group.sum())
            assert (people.walk[day, group] != NO_SESSION).mean() == pytest.approx(rates[day, interest, walk], abs=error)


def test_the_latest_walk_is_the_one_before_the_day() -> None:
    walk = np.array([[0, -1, -1], [-1, 1, -1], [1, -1, -1]], dtype=np.int8)
    zeros, before = np.zeros(3, dtype=np.int64), np.array([1, 0, 1], dtype=np.int8)
    people = Population(zeros, zeros, zeros, zeros, walk, before)
    assert [people.latest_walk(day).tolist() for day in range(4)] == [[1, 0, 1], [0, 0, 1], [0, 1, 1], [1, 1, 1]]
