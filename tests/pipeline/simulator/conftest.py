from __future__ import annotations

from datetime import date

import pytest

from pipeline.simulator.oracle import Oracle
from pipeline.simulator.profiles import NOISE, ORDERED, PLAIN
from pipeline.simulator.shop import simulate
from pipeline.simulator.world import World

FIRST = date(2025, 6, 1)


@pytest.fixture(scope="session")
def plain() -> Oracle:
    return simulate(PLAIN, 6000, 196, FIRST, 11)[1]


@pytest.fixture(scope="session")
def ordered() -> Oracle:
    return simulate(ORDERED, 6000, 196, FIRST, 12)[1]


@pytest.fixture(scope="session")
def noise() -> Oracle:
    return simulate(NOISE, 500, 70, FIRST, 13)[1]


@pytest.fixture
def tiny() -> World:
    """Two classes of everything and strong effects, so that a few days already tell a lot."""
    return World(
        interest=(0.3, 0.7),
        interest_share=(0.6, 0.4),
        buying=(0.2, 0.8),
        buying_share=(0.7, 0.3),
        carting=0.3,
        founding=0.4,
        churn=0.1,
        direction_share=(0.7, 0.3),
        lift=(1.3, 0.4),
        returned=0.5,
        return_delay=(0.5, 0.3, 0.2),
        first_return=3,
        lateness=(0.5, 0.3, 0.2),
        duplicated=0.1,
        broken=0.05,
    )
