"""One bucket's users at a cutoff, ready for a model: the same code for the nightly scores and for the evaluation before them.

Everything here runs in a worker process: a task is small and names its inputs by version, so any worker gives the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cutoff import Cutoff
from features.target import Target
from features.timeline import Flags, Ints, Timeline
from models.classifier import Batch
from pipeline import timelines
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.scorer import Scorer, open_scorer

UserIds = npt.NDArray[np.object_]

USERS_PER_BLOCK = 16_384
"""Judged together: some 20 MB of features, and a few times that for what a model makes of them."""


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


@dataclass(frozen=True)
class Block:
    """Some of a bucket's users as they were known at the cutoff, with their rows of features."""

    inputs: BucketInputs
    view: Timeline
    rows: pa.Table

    def batch(self, asked: Ints) -> tuple[Batch, Flags]:
        """As `batch_of`."""
        return _batch(self.view, asked, self.inputs, self.rows)


def load_view(inputs: BucketInputs) -> Timeline:
    """The bucket's timeline as it was known at the cutoff."""
    return timelines.load(inputs.lake, inputs.bucket, inputs.event_types, inputs.timelines_version).as_of(inputs.cutoff)


def batch_of(view: Timeline, asked: Ints, inputs: BucketInputs) -> tuple[Batch, Flags]:
    """The users at positions `asked` that have features at the cutoff, with those, and (len(asked),) which of them have.

    Raises MissingInput naming the columns if the lake's table lacks some, or holds something else than numbers in them.
    """
    rows = inputs.lake.read(inputs.features_table, _where(inputs), ["user_id", *inputs.features], version=inputs.features_version)
    return _batch(view, asked, inputs, rows)


def blocks(inputs: BucketInputs) -> Iterator[Block]:
    """The bucket's users one block after the other, in order: memory does not grow with the bucket.

    Raises MissingInput if the timeline or the features are not there any more, or the features are not in the order of their users.
    """
    groups = _ordered_groups(inputs)
    held = next(groups)
    whole = timelines.blocks(inputs.lake, inputs.bucket, inputs.event_types, inputs.timelines_version, users=USERS_PER_BLOCK)
    for block in whole:
        if block.users:
            last = pa.scalar(block.user_ids[-1])
            while (reach := _users_until(held, last)) == len(held) and (more := next(groups, None)) is not None:
                held = pa.concat_tables([held, more])
            yield Block(inputs, block.as_of(inputs.cutoff), held.slice(0, reach))
            held = held.slice(reach)


@lru_cache(maxsize=16)
def opened(file: ScorerFile) -> Scorer:
    """The scorer, opened once per worker process and verified when it is."""
    return open_scorer(Path(file.folder), file.manifest_sha256, fingerprint=file.fingerprint, target=file.target)


def _batch(view: Timeline, asked: Ints, inputs: BucketInputs, rows: pa.Table) -> tuple[Batch, Flags]:
    if missing := [name for name in inputs.features if name not in rows.column_names]:
        raise MissingInput(f"Features {', '.join(missing)} are not in {inputs.features_table}", mend="build the features again")
    if other := [name for name in inputs.features if not pa.types.is_floating(rows.schema.field(name).type)]:
        kinds = ", ".join(f"{name} ({rows.schema.field(name).type})" for name in other)
        raise MissingInput(f"Features {kinds} in {inputs.features_table} are not of type double", mend="build the features again")
    found = pc.index_in(pa.array(view.user_ids[asked], pa.string()), value_set=rows["user_id"])
    known = found.is_valid().to_numpy(zero_copy_only=False)
    places = found.drop_null().to_numpy()
    matrix = np.empty((len(places), len(inputs.features)), dtype=np.float64)
    for column, name in enumerate(inputs.features):
        matrix[:, column] = rows[name].to_numpy()[places]
    return Batch(view, asked[known], inputs.cutoff, matrix), known


def _where(inputs: BucketInputs) -> dict[str, str]:
    return {"cutoff": inputs.cutoff.key, "bucket": str(inputs.bucket)}


def _ordered_groups(inputs: BucketInputs) -> Iterator[pa.Table]:
    """Row groups of the bucket's features; there is at least one."""
    before: list[str] = []
    names, version = ["user_id", *inputs.features], inputs.features_version
    for group in inputs.lake.row_groups(inputs.features_table, _where(inputs), names, dictionaries=(), version=version):
        users = pa.chunked_array([pa.array(before, pa.string()), *group["user_id"].chunks])
        if not pc.all(pc.less(users[:-1], users[1:]), min_count=0).as_py():
            raise MissingInput(
                f"Bucket {inputs.bucket} of {inputs.features_table} is not in the order of its users", mend="build the features again"
            )
        before = users[-1:].to_pylist()
        yield group


def _users_until(rows: pa.Table, last: pa.StringScalar) -> int:
    """How many of the rows, from the first on, are of users up to this one."""
    return int(pc.sum(pc.less_equal(rows["user_id"], last), min_count=0).as_py())
