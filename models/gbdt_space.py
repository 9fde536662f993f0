"""What a search for better parameters of the trees may propose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from models.gbdt_parameters import GbdtParameters

VERSION = 1
"""Raised when the space or the way of judging changes: results of before and after are not compared."""

MOST_DEPTH = 6
"""Deeper trees would make exact reasons slow."""


def space(start: GbdtParameters, rows: int) -> dict[str, BaseDistribution]:
    """What is searched, by field of `GbdtParameters`, where `rows` rows teach; never deeper than `start`.

    It reaches from much held back, for a few hundred noisy users, to the 31 leaves that large tables bear.
    """
    depth = min(start.depth, MOST_DEPTH)
    return {
        "learning_rate": FloatDistribution(0.01, 0.15, log=True),
        "leaves": IntDistribution(4, 31, log=True),
        "depth": IntDistribution(min(3, depth), depth),
        "min_leaf": IntDistribution(5, max(20, min(500, rows // 50)), log=True),
        "feature_fraction": FloatDistribution(0.2, 1.0),
        "bagging_fraction": FloatDistribution(0.5, 1.0),
        "l2": FloatDistribution(1e-3, 100.0, log=True),
        "path_smooth": FloatDistribution(1e-2, 100.0, log=True),
        "extra_trees": CategoricalDistribution([False, True]),
    }


def nearest(start: GbdtParameters, allowed: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """The point of the space that `start` lies at, or beside."""
    return {name: _within(getattr(start, name), distribution) for name, distribution in allowed.items()}


def _within(value: Any, allowed: BaseDistribution) -> Any:
    if isinstance(allowed, FloatDistribution | IntDistribution):
        return min(max(value, allowed.low), allowed.high)
    return value


NAMES = tuple(space(GbdtParameters(), rows=1))
"""What is searched."""
