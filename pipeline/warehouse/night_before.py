"""The published night that a new one is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta

import pyarrow as pa

from features.cutoff import Cutoff
from pipeline.warehouse.warehouse import Warehouse

NEWEST = """
SELECT cutoff, model_name, model_version FROM score_runs WHERE target = $1 AND cutoff < $2 AND cutoff >= $3 ORDER BY cutoff DESC LIMIT 1
"""
CLOCK_CHANGE = timedelta(hours=2)
"""A local midnight some days ago is so much more than as many times 24 hours ago."""
SCORES = "SELECT raw_score, score FROM user_scores WHERE target = $1 AND cutoff = $2"


@dataclass(frozen=True)
class NightBefore:
    """Its cutoff, who answered, and `raw_score` and `score` of its users, in no order."""

    cutoff: Cutoff
    model_name: str
    model_version: str
    scores: pa.Table


def night_before(warehouse: Warehouse, target: str, cutoff: Cutoff, within_days: int) -> NightBefore | None:
    """The newest published night of the target before `cutoff` and at most `within_days` older; None if there is none, or for 0 days."""
    earliest = cutoff.plus_days(-within_days).instant - CLOCK_CHANGE
    found = warehouse.query(NEWEST, [target, cutoff.instant, earliest]).to_pylist() if within_days else []
    if not found:
        return None
    (row,) = found
    before = Cutoff(row["cutoff"].astimezone(UTC))
    return NightBefore(before, row["model_name"], row["model_version"], warehouse.query(SCORES, [target, before.instant]))
