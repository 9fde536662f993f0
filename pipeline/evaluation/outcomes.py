"""What became of the users of a bucket after a cutoff whose prediction window has closed, and which groups they belonged to at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff
from features.eligibility import seen
from features.labels import outcome
from features.target import Target
from features.timeline import Timeline
from models.classifier import Floats
from pipeline import timelines
from pipeline.cutoff_plan import require_closed
from pipeline.evaluation import groups
from pipeline.lake import Lake

GROUP = "group "
"""Begins the name of every column of groups."""


@dataclass(frozen=True)
class OutcomeTask:
    """One bucket, read from one version of `timelines` that holds everything up to `covered`, for several targets and cutoffs.

    slices    columns that group the users; those that are features come from `features_table`, where it has the bucket at a cutoff:
              at those in `featured`
    """

    lake: Lake
    bucket: int
    event_types: tuple[str, ...]
    timelines_version: int
    covered: Cutoff
    asked: tuple[tuple[Target, Cutoff], ...]
    slices: tuple[str, ...] = ()
    features_table: str = ""
    featured: tuple[Cutoff, ...] = ()

    def __str__(self) -> str:
        return str(self.bucket)


def bucket_outcomes(task: OutcomeTask) -> list[pa.Table]:
    """For each target and cutoff of the task a row for every user known at the cutoff.

    user_id, label (int8); amount (float64) of a sum; `group …` for each of the task's slices: text, or float64 for a feature, null where
    it is undefined. A feature is not there at a cutoff without features.
    Raises NotMatured for a prediction window that is still open at `covered`.
    """
    for target, cutoff in task.asked:
        require_closed(target, cutoff, task.covered)
    whole = timelines.load(task.lake, task.bucket, task.event_types, task.timelines_version)
    grouped = {cutoff: _groups(task, whole, cutoff) for cutoff in {cutoff for _, cutoff in task.asked}}
    tables = []
    for target, cutoff in task.asked:
        known = seen(whole, cutoff)
        happened = outcome(whole, target, cutoff)
        amount = {"amount": pa.array(happened.amount[known])} if target.kind == "sum" else {}
        users = {"user_id": pa.array(whole.user_ids[known], pa.string()), "label": happened.label[known]}
        tables.append(pa.table({**users, **amount, **grouped[cutoff]}))
    return tables


def _groups(task: OutcomeTask, whole: Timeline, cutoff: Cutoff) -> dict[str, pa.Array]:
    rows = np.flatnonzero(seen(whole, cutoff))
    features = _features(task, cutoff, whole.user_ids[rows].tolist()) if cutoff in task.featured else {}
    columns = [name for name in task.slices if name in groups.KNOWN or name in features]
    found = groups.user_groups(task.lake, task.bucket, task.timelines_version, whole.as_of(cutoff), rows, cutoff, columns, features)
    return {
        GROUP + name: pa.array(values, pa.string() if values.dtype == object else pa.float64(), from_pandas=True)
        for name, values in found.items()
    }


def _features(task: OutcomeTask, cutoff: Cutoff, users: list[str]) -> dict[str, Floats]:
    """The feature columns among the slices, NaN for users without features."""
    names = [name for name in task.slices if name not in groups.KNOWN]
    if not names:
        return {}
    where = {"cutoff": cutoff.key, "bucket": str(task.bucket)}
    rows = task.lake.read(task.features_table, where, ["user_id", *names])
    place = {user: position for position, user in enumerate(rows["user_id"].to_pylist())}
    found = np.array([place.get(user, -1) for user in users], dtype=np.int64)
    return {name: np.append(rows[name].to_numpy(), np.nan)[found] for name in names}
