"""The shops that `nightcast simulate` knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.errors import NightcastError
from pipeline.simulator.world import World

PLAIN = World(
    interest=(0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4),
    interest_share=(0.14, 0.15, 0.16, 0.16, 0.14, 0.11, 0.08, 0.06),
    buying=(0.15, 0.6),
    buying_share=(0.6, 0.4),
    carting=0.2,
    founding=0.5,
    churn=0.004,
    direction_share=(0.5, 0.5),
    lift=(1.0, 1.0),
    returned=0.12,
    return_delay=(0.12, 0.12, 0.12, 0.1, 0.1, 0.1, 0.08, 0.08, 0.06, 0.04, 0.03, 0.02, 0.02, 0.01),
    first_return=4,
    lateness=(0.94, 0.03, 0.02, 0.01),
    duplicated=0.01,
    broken=0.002,
)
"""Sessions walk in either direction, and it means nothing: counts and recency say all there is."""

ORDERED = replace(
    PLAIN,
    interest=(0.055, 0.08, 0.1, 0.13, 0.165, 0.21, 0.26, 0.33),
    buying=(0.35, 0.7),
    churn=0.002,
    direction_share=(0.65, 0.35),
    lift=(1.5, 0.2),
)
"""The direction of the latest walk changes how soon the user comes back: only the order of the views shows it."""

NOISE = replace(
    PLAIN,
    interest=(0.05,),
    interest_share=(1.0,),
    buying=(0.4,),
    buying_share=(1.0,),
    founding=1.0,
    churn=0.0,
    returned=0.0,
    broken=0.0,
)
"""Users are alike and have no memory: whoever beats chance has seen the answer."""

PROFILES: Mapping[str, World] = {"plain": PLAIN, "ordered": ORDERED, "noise": NOISE}


def profile(name: str) -> World:
    """The shop of that name. Raises NightcastError naming those there are."""
    if name not in PROFILES:
        raise NightcastError(f"There is no profile '{name}'", mend=f"choose one of {', '.join(PROFILES)}")
    return PROFILES[name]
