"""What became of the users of a bucket after a cutoff whose prediction window has closed."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from features.cutoff import Cutoff
from features.eligibility import seen
from features.labels import outcome
from features.target import Target
from pipeline import timelines
from pipeline.cutoff_plan import require_closed
from pipeline.lake import Lake


@dataclass(frozen=True)
class OutcomeTask:
    """One bucket, read from one version of `timelines` that holds everything up to `covered`, for several targets and cutoffs."""

    lake: Lake
    bucket: int
    event_types: tuple[str, ...]
    timelines_version: int
    covered: Cutoff
    asked: tuple[tuple[Target, Cutoff], ...]

    def __str__(self) -> str:
        return str(self.bucket)


def bucket_outcomes(task: OutcomeTask) -> list[pa.Table]:
    """For each target and cutoff of the task: `user_id` and `label` (int8) of every user known at the cutoff; `amount` (float64) of a sum.

    Raises NotMatured for a prediction window that is still open at `covered`.
    """
    for target, cutoff in task.asked:
        require_closed(target, cutoff, task.covered)
    whole = timelines.load(task.lake, task.bucket, task.event_types, task.timelines_version)
    tables = []
    for target, cutoff in task.asked:
        known = seen(whole, cutoff)
        happened = outcome(whole, target, cutoff)
        amount = {"amount": pa.array(happened.amount[known])} if target.kind == "sum" else {}
        tables.append(pa.table({"user_id": pa.array(whole.user_ids[known], pa.string()), "label": happened.label[known], **amount}))
    return tables
