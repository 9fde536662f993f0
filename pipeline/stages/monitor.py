"""Look back: how far the features have moved since the champions learned, and whether published scores came true."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.target import Target
from pipeline.cluster import cluster
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.cutoff_plan import covered_until
from pipeline.errors import MissingInput
from pipeline.evaluation.drift import stability_index, verdict
from pipeline.evaluation.groups import require_known
from pipeline.evaluation.outcomes import OutcomeTask, bucket_outcomes
from pipeline.evaluation.realised import Night, beside, judged, published, quality, tenths, unrealised
from pipeline.evaluation.record import QUALITY_TABLE
from pipeline.lake import Lake
from pipeline.progress import track
from pipeline.timeline_bucket import TABLE as TIMELINES_TABLE
from pipeline.tracking import registry
from pipeline.warehouse import open_warehouse

logger = logging.getLogger(__name__)

DRIFT_TABLE = "feature_drift"
TENTHS_TABLE = "decile_outcomes"
AMOUNTS = ("mae", "rmse", "gini", "total_ratio")
"""Figures that only a sum target has."""


def run(config: Config, cutoff: Cutoff, *, targets: Sequence[Target], show: bool) -> dict[str, Any]:
    """Write `feature_drift` at `cutoff`, and what came of published nights whose windows have closed by then.

    Of such a night there is realised `model_quality`, by slice too, and `decile_outcomes`. Drift compares with the newest cutoff that
    taught one of the champions. Nights whose days have not all been ingested wait; each is judged once, and again if other scores have
    replaced it; one whose users cannot be ranked by what happened has a null AUC.
    Raises NoChampion, MissingInput if the features of one of the two cutoffs have not been built as configured now, and ConfigError for
    an unknown column in `evaluation.slices`.
    """
    require_known(config.evaluation.slices, configured_features(config).names)
    lake = Lake(config.lake_url)
    reference = max(registry.champion(config, target.name).newest_training_cutoff for target in targets)
    drift = _drift(lake, configured_features(config), cutoff, reference, show)
    with open_warehouse(config) as warehouse:
        warehouse.replace(DRIFT_TABLE, {"cutoff": cutoff.instant}, drift)
        covered = min(cutoff, covered_until(lake, config.source.time_zone))
        nights = unrealised(warehouse, targets, covered)
        scores = [published(warehouse, night) for night in nights]
    outcomes = _outcomes(config, lake, nights, covered, show) if nights else []
    results = [_realise(config, *each) for each in zip(nights, scores, outcomes, strict=True)]
    drifted = [name for name, status in zip(drift["feature"].to_pylist(), drift["status"].to_pylist(), strict=True) if status == "drifted"]
    logger.info("%d of %d features have drifted since %s; %d nights realised", len(drifted), len(drift), reference, len(results))
    return {
        "cutoff": str(cutoff),
        "reference_cutoff": str(reference),
        "features": len(drift),
        "drifted": drifted,
        "realised": results,
    }


def _drift(lake: Lake, features: FeatureSet, cutoff: Cutoff, reference: Cutoff, show: bool) -> pa.Table:
    built = {found["cutoff"] for found in lake.partitions(features.table)}
    for needed in (cutoff, reference):
        if needed.key not in built:
            raise MissingInput(
                f"The lake has no features at {needed} for the configured windows and event types ({features.table})",
                mend=f"run `nightcast build-features --cutoff {needed}` first",
            )
    indices = []
    for name in track(features.names, "feature", len(features.names), show):
        before, now = (lake.read(features.table, {"cutoff": each.key}, [name])[name].to_numpy() for each in (reference, cutoff))
        indices.append(stability_index(before, now))
    return pa.table(
        {
            "feature": pa.array(features.names),
            "psi": pa.array(indices, pa.float64(), from_pandas=True),
            "reference_cutoff": pa.array([reference.instant] * len(indices), pa.timestamp("us", tz="UTC")),
            "status": pa.array([verdict(index) for index in indices]),
        }
    )


def _outcomes(config: Config, lake: Lake, nights: Sequence[Night], covered: Cutoff, show: bool) -> list[list[pa.Table]]:
    """Per night the outcomes and groups of each bucket's users."""
    version, features = lake.version(TIMELINES_TABLE) or 0, configured_features(config)
    asked = tuple((night.target, night.cutoff) for night in nights)
    built = {(found["bucket"], found["cutoff"]) for found in lake.partitions(features.table)}
    tasks = [
        OutcomeTask(
            lake,
            int(bucket),
            config.source.event_types,
            version,
            covered,
            asked,
            config.evaluation.slices,
            features.table,
            tuple(sorted({night.cutoff for night in nights if (bucket, night.cutoff.key) in built})),
        )
        for bucket in sorted((found["bucket"] for found in lake.partitions(TIMELINES_TABLE)), key=int)
    ]
    with cluster(config) as workers:
        by_bucket = workers.map(bucket_outcomes, tasks, label="outcome bucket", show=show)
    return [list(tables) for tables in zip(*by_bucket, strict=True)]


def _realise(config: Config, night: Night, scores: pa.Table, outcomes: Sequence[pa.Table]) -> dict[str, Any]:
    """Judge one night and write it down, so that it is not looked at again: also where nothing can be said of it."""
    joined = beside(scores, outcomes)
    found = judged(night, joined, config.evaluation, config.training.seed)
    key = {"target": night.target.name, "cutoff": night.cutoff.instant}
    with open_warehouse(config) as warehouse:
        warehouse.replace(QUALITY_TABLE, {**key, "model_version": night.model_version, "basis": "realised"}, quality(found))
        warehouse.replace(TENTHS_TABLE, key, tenths(joined))  # last: a night that has them is not due again
    figures = found.models[0].figures if found and found.models else {}
    auc = figures.get("auc")
    return {
        "target": night.target.name,
        "cutoff": str(night.cutoff),
        "version": night.model_version,
        "users": found.rows if found else 0,
        "slices": sum(not part.too_small for part in found.slices) if found and found.models else 0,
        "auc": auc.value if auc else None,
        "lower": auc.lower if auc else None,
        "upper": auc.upper if auc else None,
        **{name: estimate.value for name, estimate in figures.items() if name in AMOUNTS},
    }
