"""One bucket's features and labels at many cutoffs: what a worker does for `build-features`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from uuid import uuid4

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff
from features.eligibility import eligible, seen
from features.feature_set import FeatureSet
from features.labels import outcome
from features.target import Target
from features.timeline import Flags, Timeline
from pipeline import timelines
from pipeline.lake import Lake
from pipeline.lake_parts import ROWS_PER_GROUP, Layout, Part, PartWriter
from pipeline.training_set import LABELS_TABLE

LABELS_SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("amount", pa.float64()),
        pa.field("item", pa.string()),
    ]
)
"""As `features.labels.Outcome`, null where that has NaN or None."""

VALUE_BYTES = 8

MATRIX_BYTES = 96 * 2**20
"""Of the features of a block, at all cutoffs."""

GROUP_BYTES = 8 * 2**20
"""Of a row group before it is compressed; each goal fills one."""


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
    """Build all goals for one bucket from one version of `timelines`, which is read once."""

    lake: Lake
    bucket: int
    timelines_version: int
    features: FeatureSet
    goals: tuple[Goal, ...]

    @property
    def feature_goals(self) -> tuple[Goal, ...]:
        """Those that ask for features, by ascending cutoff."""
        return tuple(sorted((goal for goal in self.goals if not goal.target), key=lambda goal: goal.cutoff))

    @property
    def users_per_block(self) -> int:
        """As many as `MATRIX_BYTES` have room for; at least one."""
        values = len(self.features.names) * max(len(self.feature_goals), 1)
        return max(MATRIX_BYTES // (VALUE_BYTES * values), 1)

    def __str__(self) -> str:
        return str(self.bucket)


def features_schema(features: FeatureSet) -> pa.Schema:
    """`user_id`, then one float64 column per feature; NaN where it is undefined."""
    return pa.schema(
        [pa.field("user_id", pa.string(), nullable=False), *(pa.field(name, pa.float64(), nullable=False) for name in features.names)]
    )


def build_bucket(task: BuildTask) -> list[tuple[Goal, Part]]:
    """Write the bucket's part of every goal that has rows here, sorted by user; nothing is visible before the stage commits.

    Users come in blocks, each of which is written before the next is read, so memory does not grow with their number. The files
    are the same, byte for byte, whatever the size of a block.
    """
    with ExitStack() as stack:
        writers = {goal: stack.enter_context(_writer(task, goal)) for goal in task.goals}
        for block in timelines.blocks(
            task.lake, task.bucket, task.features.event_types, task.timelines_version, users=task.users_per_block
        ):
            if block.users:
                for goal, rows in chain(_features(block, task), _labels(block, task)):
                    writers[goal].write(rows)
    return [(goal, writer.part) for goal, writer in writers.items() if writer.part]


def empty_part(lake: Lake, features: FeatureSet, goal: Goal) -> Part:
    """The part of a goal without rows: it was built, and nobody was there."""
    return lake.write_part(goal.table(features), {**goal.partition, "bucket": "0"}, uuid4().hex, goal.schema(features).empty_table())


def _writer(task: BuildTask, goal: Goal) -> PartWriter:
    """Its file's name is new for every attempt, so a worker given up for dead cannot touch a committed file."""
    schema = goal.schema(task.features)
    partition = {**goal.partition, "bucket": str(task.bucket)}
    return task.lake.part_writer(goal.table(task.features), partition, uuid4().hex, schema, _layout(schema))


def _layout(schema: pa.Schema) -> Layout:
    """Row groups of equal size in bytes, so that as many as there are goals can be filled at once; no value repeats enough to be named."""
    rows = GROUP_BYTES // (VALUE_BYTES * len(schema))
    return Layout(dictionaries=(), rows_per_group=min(2 ** (rows.bit_length() - 1), ROWS_PER_GROUP))


def _features(block: Timeline, task: BuildTask) -> Iterator[tuple[Goal, pa.Table]]:
    """Values at all cutoffs at once, for the users who are known at each."""
    goals = task.feature_goals
    matrix = task.features.compute(block, [goal.cutoff for goal in goals]) if goals else np.empty((0, 0, 0))
    for place, goal in enumerate(goals):
        known = seen(block, goal.cutoff)
        columns = [pa.array(column[known]) for column in matrix[:, place]]
        yield goal, pa.Table.from_arrays([_users(block, known), *columns], schema=features_schema(task.features))


def _labels(block: Timeline, task: BuildTask) -> Iterator[tuple[Goal, pa.Table]]:
    for goal in task.goals:
        if goal.target:
            asked = eligible(block, goal.target, goal.cutoff)
            found = outcome(block, goal.target, goal.cutoff)
            amount = pa.array(found.amount[asked], mask=np.isnan(found.amount[asked]))
            columns = [_users(block, asked), pa.array(found.label[asked]), amount, pa.array(found.item[asked], pa.string())]
            yield goal, pa.Table.from_arrays(columns, schema=LABELS_SCHEMA)


def _users(block: Timeline, chosen: Flags) -> pa.Array:
    return pa.array(block.user_ids[chosen], pa.string())
