"""Published scores whose windows have closed, beside what happened."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff
from features.target import Target
from pipeline.config_sections import Evaluation
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Estimate, Evidence
from pipeline.evaluation.outcomes import GROUP
from pipeline.evaluation.record import quality_rows
from pipeline.warehouse import Warehouse

logger = logging.getLogger(__name__)

UNREALISED = """
SELECT run.cutoff, run.model_version FROM score_runs AS run
WHERE run.target = $1 AND NOT EXISTS (
  SELECT 1 FROM decile_outcomes AS tenth WHERE tenth.target = run.target AND tenth.cutoff = run.cutoff
) AND NOT EXISTS (
  SELECT 1 FROM model_quality AS seen
  WHERE seen.target = run.target AND seen.cutoff = run.cutoff AND seen.basis = 'realised' AND seen."rows" = 0)
ORDER BY run.cutoff
"""
"""Tenths are written last, and forgotten with the scores they belong to; of a night whose users are all gone there are none."""
UNKNOWN_KIND = "published"
"""The warehouse knows the version that answered, and not its kind."""

PUBLISHED = "SELECT user_id, score, raw_score, expected_value, decile FROM user_scores WHERE target = $1 AND cutoff = $2"


@dataclass(frozen=True)
class Night:
    """A published night."""

    target: Target
    cutoff: Cutoff
    model_version: str


def unrealised(warehouse: Warehouse, targets: Sequence[Target], until: Cutoff) -> list[Night]:
    """Published nights whose prediction window has closed by `until` and of which it is not known yet what came true, oldest first."""
    nights = []
    for target in targets:
        for row in warehouse.query(UNREALISED, [target.name]).to_pylist():
            cutoff = Cutoff(_utc(row["cutoff"]))
            if target.matured(cutoff, until):
                nights.append(Night(target, cutoff, row["model_version"]))
    return nights


def published(warehouse: Warehouse, night: Night) -> pa.Table:
    """`user_id`, `score`, `raw_score`, `expected_value` and `decile` of the night's users."""
    return warehouse.query(PUBLISHED, [night.target.name, night.cutoff.instant])


def beside(scores: pa.Table, outcomes: Sequence[pa.Table]) -> pa.Table:
    """The `published` scores and the `outcomes` of each bucket's users, joined by user and sorted by them.

    A user whose events are gone from the lake has no outcome and drops out.
    """
    happened = pa.concat_tables(outcomes, promote_options="default")
    return scores.join(happened, keys="user_id", join_type="inner").sort_by("user_id")


def tenths(joined: pa.Table) -> pa.Table:
    """The rows of `decile_outcomes` about a night: what came true in each decile of which at least one user's outcome is known."""
    summed = "amount" in joined.column_names
    wanted = [("label", "count"), ("label", "sum"), *([("amount", "sum")] if summed else [])]
    found = joined.group_by("decile").aggregate(wanted).sort_by("decile")
    values = found["amount_sum"] if summed else pa.nulls(len(found), pa.float64())
    return pa.table(
        {"decile": found["decile"], "users": found["label_count"], "realised_events": found["label_sum"], "realised_value": values}
    )


def judged(night: Night, joined: pa.Table, settings: Evaluation, seed: int) -> Evidence | None:
    """The night's scores `beside` what happened: the evidence about its one version; None if no user has an outcome.

    Outcomes with an `amount`, those of a sum target, are held against the expected values too. With too few of an outcome the version is
    set aside.
    """
    if not joined.num_rows:
        return None
    summed = "amount" in joined.column_names
    answers = Answers(
        night.model_version,
        UNKNOWN_KIND,
        night.cutoff,
        joined["raw_score"].to_numpy(),
        joined["score"].to_numpy(),
        joined["expected_value"].to_numpy() if summed else None,
    )
    return weigh(
        night.target.name,
        night.cutoff,
        night.cutoff,
        joined["label"].to_numpy().astype(np.int8),
        [answers],
        {},
        joined["amount"].to_numpy() if summed else None,
        groups={name.removeprefix(GROUP): joined[name].to_numpy() for name in joined.column_names if name.startswith(GROUP)},
        settings=settings,
        seed=seed,
    )


def quality(found: Evidence | None) -> pa.Table:
    """The rows of `model_quality` about a night: figures over all users and by slice.

    Where the night's users cannot be ranked, the AUC is null, over as many users as there are: that is what is known of the night.
    """
    if found is None or not found.models:
        unknown = quality_rows({"auc": Estimate(nan)}, found.rows if found else 0)
        return unknown.set_column(unknown.column_names.index("value"), "value", pa.nulls(1, pa.float64()))
    version = found.models[0]
    parts = [quality_rows(part.models[version.version], part.rows, part.name) for part in found.slices if not part.too_small]
    return pa.concat_tables([quality_rows(version.figures, found.rows), *parts])


def _utc(instant: datetime) -> datetime:
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
