"""The numbers of a night that the gate judges: counts over its rows, what its run said, and the night before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.cutoff import Cutoff
from models.classifier import Floats
from pipeline.config import Config
from pipeline.evaluation.drift import stability_index
from pipeline.validation.facts import Counted, Facts
from pipeline.validation.score_suite import (
    LEVEL,
    LOST,
    MISSING_BUCKETS,
    REFUSED_BESIDE,
    REFUSED_SHARE,
    SCORED,
    SCORED_BESIDE,
    SHIFT,
    SPREAD,
    WITHOUT_REASON,
    answered_by_champion,
)
from pipeline.warehouse.night_before import NightBefore

ALIKE_BY_DESIGN = "base_rate"
"""The kind of model that gives everybody the share of outcomes, without reasons: the last resort of a small shop."""
COLLAPSED_ABOVE = 100
"""So many users may have one and the same score by chance: a model with few leaves."""
USERS_PER_BUCKET = 20
"""Of so many users in an average bucket, chance leaves none in one of them less than once in 10⁸ buckets."""
LEAST_COMPARED = 200
"""Spreads of fewer users differ by chance."""


@dataclass(frozen=True)
class StagedNight:
    """A target's rows of the lake's `scores` at a cutoff, and what their run said of itself (`warehouse.night.run_values`).

    model_kind  as the run said it; empty in nights that were scored before runs did
    """

    target: str
    cutoff: Cutoff
    rows: pa.Table
    run: Mapping[str, object]
    model_kind: str = ""

    def counted(self, name: str) -> int:
        """How many users were `eligible`, `scored` or `refused`, says the run."""
        return int(str(self.run[name]))


def score_facts(config: Config, night: StagedNight, counted: Counted, before: NightBefore | None) -> Facts:
    """The facts of the night, of which `counted` came from its rows; `before` is the published night before it."""
    observed, waiting = dict(counted), dict[str, str]()
    scored, refused, eligible = int(counted[SCORED] or 0), int(counted[REFUSED_BESIDE] or 0), night.counted("eligible")
    observed[SCORED_BESIDE] = scored - night.counted("scored")
    observed[REFUSED_BESIDE] = refused - night.counted("refused")
    observed[LOST] = scored + refused - eligible
    observed[REFUSED_SHARE] = refused / (scored + refused) if scored + refused else None
    if scored + refused < USERS_PER_BUCKET * config.lake.buckets:
        waiting[MISSING_BUCKETS] = f"{scored + refused:,} users need not be in all of {config.lake.buckets} buckets"
    if night.model_kind == ALIKE_BY_DESIGN:
        waiting[SPREAD] = waiting[WITHOUT_REASON] = "the base rate answers everybody alike, and has no reasons to give"
    elif (answered := _answered(config, night.rows)) <= COLLAPSED_ABOVE:
        waiting[SPREAD] = f"the champion answers {answered:,} users, who may have the same score"
    usual = _compare(config, night, before, observed, waiting)
    return Facts(observed, waiting, usual, (SCORED, "nobody has a score"))


def _answered(config: Config, rows: pa.Table) -> int:
    """How many users the champion itself has answered, by the ladder."""
    own = pc.is_in(rows["score_basis"].cast(pa.string()), value_set=pa.array(answered_by_champion(config), pa.string()))
    return int(pc.sum(pc.and_(own, pc.is_null(rows["refused_reason"])), min_count=0).as_py())


def _compare(
    config: Config, night: StagedNight, before: NightBefore | None, observed: dict[str, float | None], waiting: dict[str, str]
) -> list[str]:
    if before is None:
        days = config.publish.compare_within_days
        waiting[SHIFT] = waiting[LEVEL] = f"no night within {days} days before is published (publish.compare_within_days)"
        return []
    kept = night.rows.filter(pc.is_null(night.rows["refused_reason"]))
    raw, score = _finite(kept["raw_score"]), _finite(kept["score"])
    raw_before, score_before = _finite(before.scores["raw_score"]), _finite(before.scores["score"])
    if (fewest := min(map(len, (raw, score, raw_before, score_before)))) < LEAST_COMPARED:
        waiting[SHIFT] = waiting[LEVEL] = f"one of the nights has {fewest:,} users, and chance moves fewer than {LEAST_COMPARED}"
        return []
    mean, mean_before = float(score.mean()), float(score_before.mean())
    observed[SHIFT] = stability_index(raw_before, raw)
    observed[LEVEL] = mean / mean_before if mean_before else None
    if (night.run["model_name"], night.run["model_version"]) == (before.model_name, before.model_version):
        waiting[LEVEL] = "the champion is the same, so the whole spread is compared"
    else:
        waiting[SHIFT] = f"version {before.model_version} answered before: raw scores of two models are not on one scale"
    return [
        f"At {before.cutoff} version {before.model_version} gave {len(raw_before):,} users a mean score of {mean_before:.4f}; "
        f"now version {night.run['model_version']} gives {len(raw):,} users {mean:.4f}."
    ]


def _finite(values: pa.ChunkedArray) -> Floats:
    known = values.to_numpy()
    found: Floats = known[np.isfinite(known)]
    return found
