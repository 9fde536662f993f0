from __future__ import annotations

from datetime import date

from pipeline.simulator.shop import simulate
from pipeline.simulator.world import World

FIRST = date(2025, 6, 1)


def test_a_seed_is_a_shop(tiny: World) -> None:
    first, again, other = (simulate(tiny, 100, 30, FIRST, seed)[0].rows for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_the_oracle_speaks_of_the_delivered_shop(tiny: World) -> None:
    batches, oracle = simulate(tiny, 100, 30, FIRST, 1)
    assert (oracle.days, len(oracle.population.before)) == (30, 100)
    assert batches.events == (oracle.activity.events.arrived < 30).sum()
