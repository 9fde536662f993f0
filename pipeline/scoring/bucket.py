"""One bucket's users at a cutoff, ready for a model: the same code for the nightly scores and for the evaluation before them.

Everything here runs in a worker process: a task is small and names its inputs by version, so any worker gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.cutoff import Cutoff
from features.target import Target
from features.timeline import Timeline
from models.classifier import Batch
from pipeline import timelines
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.scorer import Scorer, open_scorer

UserIds = npt.NDArray[np.object_]


@dataclass(frozen=True)
class ScorerFile:
    """A downloaded artifact, and what it must match."""

    folder: str
    manifest_sha256: str
    fingerprint: str
    target: Target


@dataclass(frozen=True)
class BucketInputs:
    """One bucket at one cutoff: where its timeline and features are, by version."""

    lake: Lake
    bucket: int
    cutoff: Cutoff
    event_types: tuple[str, ...]
    timelines_version: int
    features_table: str
    features_version: int
    features: tuple[str, ...]


def load_view(inputs: BucketInputs) -> Timeline:
    """The bucket's timeline as it was known at the cutoff."""
    return timelines.load(inputs.lake, inputs.bucket, inputs.event_types, inputs.timelines_version).as_of(inputs.cutoff)


def batch_of(view: Timeline, asked: npt.NDArray[np.int64], inputs: BucketInputs) -> tuple[Batch, npt.NDArray[np.bool_]]:
    """The users at positions `asked` that have features at the cutoff, with those, and (len(asked),) which of them have.

    Raises MissingInput naming the columns if the lake's table lacks some, or holds something else than numbers in them.
    """
    where = {"cutoff": inputs.cutoff.key, "bucket": str(inputs.bucket)}
    rows = inputs.lake.read(inputs.features_table, where, ["user_id", *inputs.features], version=inputs.features_version)
    if missing := [name for name in inputs.features if name not in rows.column_names]:
        raise MissingInput(f"Features {', '.join(missing)} are not in {inputs.features_table}", mend="build the features again")
    if other := [name for name in inputs.features if not pa.types.is_floating(rows.schema.field(name).type)]:
        kinds = ", ".join(f"{name} ({rows.schema.field(name).type})" for name in other)
        raise MissingInput(f"Features {kinds} in {inputs.features_table} are not of type double", mend="build the features again")
    place = {user: position for position, user in enumerate(rows["user_id"].to_pylist())}
    found = np.array([place.get(user, -1) for user in view.user_ids[asked]], dtype=np.int64)
    known = found >= 0
    matrix = np.empty((int(known.sum()), len(inputs.features)), dtype=np.float64)
    for column, name in enumerate(inputs.features):
        matrix[:, column] = rows[name].to_numpy()[found[known]]
    return Batch(view, asked[known], inputs.cutoff, matrix), known


@lru_cache(maxsize=4)
def opened(file: ScorerFile) -> Scorer:
    """The scorer, opened once per worker process and verified when it is."""
    return open_scorer(Path(file.folder), file.manifest_sha256, fingerprint=file.fingerprint, target=file.target)
