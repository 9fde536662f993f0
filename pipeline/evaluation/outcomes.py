"""What became of the users of a bucket after a cutoff whose prediction window has closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff
from features.labels import labels
from features.target import Target
from pipeline import timelines
from pipeline.lake import Lake


@dataclass(frozen=True)
class OutcomeTask:
    """One bucket, read from one version of `timelines`, for several targets and cutoffs that have matured by then."""

    lake: Lake
    bucket: int
    event_types: tuple[str, ...]
    timelines_version: int
    asked: tuple[tuple[Target, Cutoff], ...]

    def __str__(self) -> str:
        return str(self.bucket)


def bucket_outcomes(task: OutcomeTask) -> list[pa.Table]:
    """For each target and cutoff of the task: `user_id` and `label` (int8) of every user known at the cutoff."""
    whole = timelines.load(task.lake, task.bucket, task.event_types, task.timelines_version)
    tables = []
    for target, cutoff in task.asked:
        known = np.diff(whole.as_of(cutoff).offsets) > 0
        happened = labels(whole, target, cutoff)[known]
        tables.append(pa.table({"user_id": pa.array(whole.user_ids[known], pa.string()), "label": pa.array(happened)}))
    return tables
