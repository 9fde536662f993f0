"""The judgement of one bucket's users: the same code for the nightly scores and for the evaluation before them.

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
from features.eligibility import eligible, score_basis
from features.target import Target
from features.timeline import Timeline
from models.classifier import Batch
from pipeline import timelines
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.scorer import Judgement, Scorer, open_scorer

UserIds = npt.NDArray[np.object_]

NOT_FINITE = "the model gave no finite score"
NO_FEATURES = "no features at this cutoff"


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
class ScoreTask:
    """Score the eligible users of a bucket."""

    inputs: BucketInputs
    scorer: ScorerFile

    def __str__(self) -> str:
        return str(self.inputs.bucket)


PARTIAL = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("raw_score", pa.float64()),
        *(pa.field(f"reason_{number}", pa.string()) for number in (1, 2, 3)),
        *(pa.field(f"reason_{number}_effect", pa.float64()) for number in (1, 2, 3)),
        pa.field("score_basis", pa.string()),
        pa.field("refused_reason", pa.string()),
    ]
)
"""One row per eligible user of a bucket; a refused user has a reason and no score."""


def score_bucket(task: ScoreTask) -> pa.Table:
    """Every eligible user of the bucket, scored with reasons or refused with a reason: rows of `PARTIAL`, sorted by user."""
    inputs, scorer = task.inputs, opened(task.scorer)
    view = load_view(inputs)
    asked = np.flatnonzero(eligible(view, task.scorer.target, inputs.cutoff))
    batch, known = batch_of(view, asked, inputs)
    judgement = scorer.judge(batch)
    texts, moved = scorer.reasons(batch, judgement)
    scored = pa.table(_columns(view, batch, judgement, texts, moved), schema=PARTIAL)
    without = view.user_ids[asked[~known]]
    refused = pa.table({"user_id": without, "refused_reason": [NO_FEATURES] * len(without)})
    empty = {name: pa.nulls(len(without), PARTIAL.field(name).type) for name in PARTIAL.names if name not in refused.column_names}
    for name, column in empty.items():
        refused = refused.append_column(name, column)
    return pa.concat_tables([scored, refused.select(PARTIAL.names).cast(PARTIAL)]).sort_by("user_id")


def load_view(inputs: BucketInputs) -> Timeline:
    """The bucket's timeline as it was known at the cutoff."""
    return timelines.load(inputs.lake, inputs.bucket, inputs.event_types, inputs.timelines_version).as_of(inputs.cutoff)


def batch_of(view: Timeline, asked: npt.NDArray[np.int64], inputs: BucketInputs) -> tuple[Batch, npt.NDArray[np.bool_]]:
    """The users at positions `asked` that have features at the cutoff, with those, and (len(asked),) which of them have.

    Raises MissingInput naming the columns if the lake's table lacks some.
    """
    where = {"cutoff": inputs.cutoff.key, "bucket": str(inputs.bucket)}
    rows = inputs.lake.read(inputs.features_table, where, ["user_id", *inputs.features], version=inputs.features_version)
    if missing := [name for name in inputs.features if name not in rows.column_names]:
        raise MissingInput(f"Features {', '.join(missing)} are not in {inputs.features_table}", mend="build the features again")
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


def _columns(view: Timeline, batch: Batch, judgement: Judgement, texts: UserIds, moved: npt.NDArray[np.float64]) -> dict[str, pa.Array]:
    usable = judgement.usable
    reasons = {f"reason_{number + 1}": pa.array(texts[:, number], pa.string()) for number in range(texts.shape[1])}
    effects = {
        f"reason_{number + 1}_effect": pa.array(moved[:, number], mask=~np.isfinite(moved[:, number])) for number in range(moved.shape[1])
    }
    return {
        "user_id": pa.array(view.user_ids[batch.rows], pa.string()),
        "score": pa.array(judgement.probability, mask=~usable),
        "raw_score": pa.array(judgement.raw, mask=~usable),
        **reasons,
        **effects,
        "score_basis": pa.array(score_basis(view)[batch.rows], pa.string()),
        "refused_reason": pa.array(np.full(len(usable), NOT_FINITE, dtype=object), pa.string(), mask=usable),
    }
