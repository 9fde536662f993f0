"""From events to the feature matrix: one Dask task per bucket, all cutoffs at once, one commit per table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from pipeline import timelines
from pipeline.cluster import Workers, cluster
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.cutoff_plan import Plan, covered_until, scoring_plan, training_plan
from pipeline.errors import NoEvents
from pipeline.feature_build import BuildTask, Goal, build_bucket, empty_part
from pipeline.lake import Lake
from pipeline.lake_commit import Change
from pipeline.lake_parts import Part
from pipeline.training_set import definition

logger = logging.getLogger(__name__)


def run(config: Config, cutoffs: Sequence[Cutoff], *, training: bool, show: bool) -> dict[str, Any]:
    """Build what is not there yet from the current events, and commit it: all features in one transaction, then all labels in one.

    Without `training`: features at `cutoffs`. With it: features and labels of every training and evaluation cutoff as of each.
    The result counts all rows asked for, also those that were there already; `built` counts partitions committed now.
    Raises NoEvents, NotMatured or WorkersLost before anything is committed.
    """
    lake = Lake(config.lake_url)
    features = configured_features(config)
    with cluster(config) as workers:
        held = timelines.refresh(lake, config, workers, show)
        plan = _plan(config, lake, cutoffs, training=training)
        goals = [*map(Goal, plan.features), *(Goal(cutoff, target) for target, cutoff in plan.labelled)]
        rows = {goal: _built_rows(lake, features, goal, held.version) for goal in goals}
        missing = tuple(goal for goal, count in rows.items() if count is None)
        parts = _build(config, lake, features, missing, held.version, workers, show=show) if missing else {}
    counts = {goal: sum(part.rows for part in parts[goal]) if count is None else count for goal, count in rows.items()}
    _check_eligible(plan, counts)
    versions = {"timelines_version": held.version, "events_version": held.events_version}
    _commit(lake, features, parts, versions)
    for table in {goal.table(features) for goal in missing}:
        lake.tidy(table, keep_versions=None, retention_days=config.lake.retention_days)
    return {**_result(features, plan, counts), **versions, "built": len(missing)}


def _plan(config: Config, lake: Lake, cutoffs: Sequence[Cutoff], *, training: bool) -> Plan:
    reach = timelines.extent(lake)
    if training:
        return training_plan(config, cutoffs, reach, covered_until(lake, config.source.time_zone))
    return scoring_plan(config, cutoffs, reach)


def _built_rows(lake: Lake, features: FeatureSet, goal: Goal, version: int) -> int | None:
    """Rows of the goal's partition if it was built from this version of `timelines` for the same question, else None."""
    recorded = lake.metadata(goal.table(features), goal.partition)
    wanted = _provenance(features, goal, version)
    return int(recorded["rows"]) if all(recorded.get(key) == value for key, value in wanted.items()) else None


def _provenance(features: FeatureSet, goal: Goal, version: int) -> dict[str, str]:
    made_for = {"definition": definition(goal.target)} if goal.target else {"fingerprint": features.fingerprint}
    return {"timelines_version": str(version), **made_for}


def _build(
    config: Config, lake: Lake, features: FeatureSet, goals: tuple[Goal, ...], version: int, workers: Workers, *, show: bool
) -> dict[Goal, list[Part]]:
    tasks = [BuildTask(lake, bucket, version, features, goals) for bucket in range(config.lake.buckets)]
    parts: dict[Goal, list[Part]] = {goal: [] for goal in goals}
    for written in workers.map(build_bucket, tasks, label="feature bucket", show=show):
        for goal, part in written:
            parts[goal].append(part)
    return parts


def _check_eligible(plan: Plan, counts: Mapping[Goal, int]) -> None:
    """A target needs eligible users where it is judged and at a cutoff before, or there is nothing to learn."""
    for target, evaluation in plan.evaluated:
        asked = [cutoff for found, cutoff in plan.labelled if found == target and counts[Goal(cutoff, target)]]
        if evaluation not in asked or min(asked) == evaluation:
            raise NoEvents(
                f"To learn '{target.name}' and judge it at {evaluation}, users must be eligible there and earlier; "
                f"they are at {', '.join(map(str, asked)) or 'no cutoff'}",
                mend=f"widen targets.{target.name}.eligible, use a later cutoff, or ingest earlier days",
            )


def _commit(lake: Lake, features: FeatureSet, parts: Mapping[Goal, Sequence[Part]], versions: Mapping[str, int]) -> None:
    """All goals of a table in one transaction. A goal without rows gets one empty part."""
    made_from = {table: str(version) for table, version in versions.items()}
    by_table: dict[str, list[Change]] = {}
    for goal, written in parts.items():
        rows = sum(part.rows for part in written)
        metadata = {**_provenance(features, goal, versions["timelines_version"]), **made_from, "rows": str(rows)}
        change = Change(goal.partition, written or [empty_part(lake, features, goal)], metadata)
        by_table.setdefault(goal.table(features), []).append(change)
        logger.info("%s at %s: %d rows", f"labels of {goal.target.name}" if goal.target else "features", goal.cutoff, rows)
    schemas = {goal.table(features): goal.schema(features) for goal in parts}
    for table, changes in by_table.items():
        lake.commit_all(table, schemas[table], changes)


def _result(features: FeatureSet, plan: Plan, counts: Mapping[Goal, int]) -> dict[str, Any]:
    def total(goals: Iterable[Goal]) -> int:
        return sum(counts[goal] for goal in goals)

    seen = [cutoff for cutoff in plan.features if counts[Goal(cutoff)]]
    return {
        "cutoffs": [str(cutoff) for cutoff in seen],
        "users": counts[Goal(seen[-1])],
        "features": len(features.names),
        "rows": total(map(Goal, plan.features)),
        "labels": total(Goal(cutoff, target) for target, cutoff in plan.labelled),
        "fingerprint": features.fingerprint,
    }
