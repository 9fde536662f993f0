"""Published scores whose windows have closed, beside what happened."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff
from features.target import Target
from models.classifier import Labels
from pipeline.evaluation.assessment import assess, assess_amounts
from pipeline.evaluation.evidence import Estimate, rankable
from pipeline.warehouse import Warehouse

logger = logging.getLogger(__name__)

UNREALISED = """
SELECT run.cutoff, run.model_version FROM score_runs AS run
WHERE run.target = $1 AND NOT EXISTS (
  SELECT 1 FROM model_quality AS seen WHERE seen.target = run.target AND seen.cutoff = run.cutoff AND seen.basis = 'realised')
ORDER BY run.cutoff
"""
PUBLISHED = "SELECT user_id, score, raw_score, expected_value FROM user_scores WHERE target = $1 AND cutoff = $2"


@dataclass(frozen=True)
class Night:
    """A published night."""

    target: Target
    cutoff: Cutoff
    model_version: str


def unrealised(warehouse: Warehouse, targets: Sequence[Target], until: Cutoff) -> list[Night]:
    """Published nights whose prediction window has closed by `until` and whose realised quality is not known yet, oldest first."""
    nights = []
    for target in targets:
        for row in warehouse.query(UNREALISED, [target.name]).to_pylist():
            cutoff = Cutoff(_utc(row["cutoff"]))
            if target.matured(cutoff, until):
                nights.append(Night(target, cutoff, row["model_version"]))
    return nights


def published(warehouse: Warehouse, night: Night) -> pa.Table:
    """`user_id`, `score`, `raw_score` and `expected_value` of the night's users."""
    return warehouse.query(PUBLISHED, [night.target.name, night.cutoff.instant])


def realised_figures(scores: pa.Table, outcomes: Sequence[pa.Table]) -> tuple[Mapping[str, Estimate], int]:
    """Figures of published scores against the outcomes of their users, and how many users that are; no figures for one outcome only.

    Outcomes with an `amount`, those of a sum target, are held against the expected values too. A user whose events are gone from the lake
    has no outcome and drops out.
    """
    happened = pa.concat_tables(outcomes)
    joined = scores.join(happened, keys="user_id", join_type="inner")
    y: Labels = joined["label"].to_numpy().astype(np.int8)
    if not rankable(int(y.sum()), len(y)):
        return {}, len(y)
    found = assess(y, joined["raw_score"].to_numpy(), joined["score"].to_numpy())
    if "amount" in joined.column_names:
        found |= assess_amounts(joined["amount"].to_numpy(), joined["expected_value"].to_numpy())
    return found, len(y)


def _utc(instant: datetime) -> datetime:
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
