"""One bucket's features and labels at many cutoffs: what a worker does for `build-features`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff
from features.eligibility import eligible
from features.feature_set import FeatureSet
from features.labels import labels
from features.target import Target
from features.timeline import Flags, Timeline
from pipeline import timelines
from pipeline.lake import Lake
from pipeline.lake_parts import Part
from pipeline.training_set import LABELS_TABLE

LABELS_SCHEMA = pa.schema([pa.field("user_id", pa.string(), nullable=False), pa.field("label", pa.int8(), nullable=False)])


@dataclass(frozen=True)
class Goal:
    """One partition to build: the features at a cutoff, or, with a target, its labels there."""

    cutoff: Cutoff
    target: Target | None = None

    @property
    def partition(self) -> dict[str, str]:
        """What a commit of this goal replaces."""
        named = {"target": self.target.name} if self.target else {}
        return {**named, "cutoff": self.cutoff.key}

    def table(self, features: FeatureSet) -> str:
        """Where its rows go."""
        return LABELS_TABLE if self.target else features.table

    def schema(self, features: FeatureSet) -> pa.Schema:
        """Columns of its files."""
        return LABELS_SCHEMA if self.target else features_schema(features)


@dataclass(frozen=True)
class BuildTask:
    """Build all goals for one bucket from one version of `timelines`, which is loaded once."""

    lake: Lake
    bucket: int
    timelines_version: int
    features: FeatureSet
    goals: tuple[Goal, ...]

    def __str__(self) -> str:
        return str(self.bucket)


def features_schema(features: FeatureSet) -> pa.Schema:
    """`user_id`, then one float64 column per feature; NaN where it is undefined."""
    return pa.schema(
        [pa.field("user_id", pa.string(), nullable=False), *(pa.field(name, pa.float64(), nullable=False) for name in features.names)]
    )


def build_bucket(task: BuildTask) -> list[tuple[Goal, Part]]:
    """Write the bucket's part of every goal that has rows here; nothing is visible before the stage commits."""
    timeline = timelines.load(task.lake, task.bucket, task.features.event_types, task.timelines_version)
    return [
        (goal, write(task.lake, task.features, goal, task.bucket, rows))
        for cutoff in sorted({goal.cutoff for goal in task.goals})
        for goal, rows in _rows(timeline, cutoff, [goal for goal in task.goals if goal.cutoff == cutoff], task.features)
        if rows.num_rows
    ]


def write(lake: Lake, features: FeatureSet, goal: Goal, bucket: int, rows: pa.Table) -> Part:
    """One part of a goal; its name is new for every attempt, so a worker given up for dead cannot touch a committed file."""
    return lake.write_part(goal.table(features), {**goal.partition, "bucket": str(bucket)}, uuid4().hex, rows)


def _rows(timeline: Timeline, cutoff: Cutoff, goals: list[Goal], features: FeatureSet) -> Iterator[tuple[Goal, pa.Table]]:
    view = timeline.as_of(cutoff)
    for goal in goals:
        if goal.target:
            asked = eligible(view, goal.target, cutoff)
            outcome = labels(timeline, goal.target, cutoff)[asked]
            yield goal, pa.table([_users(view, asked), pa.array(outcome)], schema=LABELS_SCHEMA)
        else:
            seen = np.diff(view.offsets) > 0
            matrix = features.at(view, cutoff)[seen] if seen.any() else np.empty((0, len(features.names)))
            columns = [pa.array(np.ascontiguousarray(column)) for column in matrix.T]
            yield goal, pa.table([_users(view, seen), *columns], schema=features_schema(features))


def _users(view: Timeline, chosen: Flags) -> pa.Array:
    return pa.array(view.user_ids[chosen], pa.string())
