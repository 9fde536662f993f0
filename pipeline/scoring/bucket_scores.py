"""The scores of one bucket's users for every target, with reasons: one task of the nightly run."""

from __future__ import annotations

import posixpath
from contextlib import ExitStack
from dataclasses import dataclass, replace
from uuid import uuid4

import numpy as np
import pyarrow as pa

from features.eligibility import eligible, score_basis
from features.timeline import Flags
from models.classifier import Batch, Floats
from models.explanations import Texts
from pipeline.lake_parts import Layout, PartWriter
from pipeline.scoring.bucket import BucketInputs, ScorerFile, UserIds, blocks, opened
from pipeline.scoring.scorer import Judgement, Scorer

NOT_FINITE = "the model gave no finite score"
NO_FEATURES = "no features at this cutoff"

PARTIAL = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("expected_value", pa.float64()),
        pa.field("raw_score", pa.float64()),
        *(pa.field(f"reason_{number}", pa.string()) for number in (1, 2, 3)),
        *(pa.field(f"reason_{number}_effect", pa.float64()) for number in (1, 2, 3)),
        pa.field("score_basis", pa.string()),
        pa.field("refused_reason", pa.string()),
    ]
)
"""One row per eligible user; a refused user has a reason and no score. Only a sum target has expected values."""

FOLDER = "scores_unranked"
"""Of the lake: where `PARTIAL` rows wait to be ranked."""

TEXTS = (*(f"reason_{number}" for number in (1, 2, 3)), "score_basis", "refused_reason")
"""Texts that repeat."""

LAYOUT = Layout(dictionaries=TEXTS, compression="lz4")


@dataclass(frozen=True)
class ScoreTask:
    """Score a bucket's eligible users for several targets; `run` is the first part of the names of the files."""

    inputs: BucketInputs
    scorers: tuple[ScorerFile, ...]
    run: str

    def __str__(self) -> str:
        return str(self.inputs.bucket)


@dataclass(frozen=True)
class Unranked:
    """A bucket's users of one target: how many are eligible, and the file of their `PARTIAL` rows in the lake, None without any."""

    bucket: int
    eligible: int
    path: str | None


def score_bucket(task: ScoreTask) -> tuple[Unranked, ...]:
    """Every eligible user of the bucket, scored with reasons or refused with a reason; by target, sorted by user.

    The timeline and the features are read once, and memory does not grow with the bucket. The files count for nobody before they are
    ranked and committed.
    """
    scorers = [opened(file) for file in task.scorers]
    counts = [0] * len(scorers)
    with ExitStack() as stack:
        writers = [stack.enter_context(_writer(task)) for _ in scorers]
        for block in blocks(task.inputs):
            asked = [eligible(block.view, file.target, task.inputs.cutoff) for file in task.scorers]
            anybody = np.flatnonzero(np.logical_or.reduce(asked))
            batch, known = block.batch(anybody)
            lost = anybody[~known]
            for place, (scorer, flags) in enumerate(zip(scorers, asked, strict=True)):
                counts[place] += int(flags.sum())
                writers[place].write(_judged(scorer, _of(batch, flags), block.view.user_ids[lost[flags[lost]]]))
    paths = [posixpath.join(FOLDER, writer.part.path) if writer.part else None for writer in writers]
    return tuple(Unranked(task.inputs.bucket, count, path) for count, path in zip(counts, paths, strict=True))


def _writer(task: ScoreTask) -> PartWriter:
    """Its file's name is new for every attempt, so a worker given up for dead cannot touch what another wrote."""
    return task.inputs.lake.part_writer(FOLDER, {}, f"{task.run}-{uuid4().hex}", PARTIAL, LAYOUT)


def _of(batch: Batch, flags: Flags) -> Batch:
    """Those of the batch whose flag (U,) is set."""
    kept = flags[batch.rows]
    return batch if kept.all() else replace(batch, rows=batch.rows[kept], features=batch.features[kept])


def _judged(scorer: Scorer, batch: Batch, lost: UserIds) -> pa.Table:
    judgement = scorer.judge(batch)
    texts, moved = scorer.reasons(batch, judgement)
    scored = pa.table(_columns(batch, judgement, texts, moved), schema=PARTIAL)
    return pa.concat_tables([scored, _without_features(lost)]).sort_by("user_id") if len(lost) else scored


def _columns(batch: Batch, judgement: Judgement, texts: Texts, moved: Floats) -> dict[str, pa.Array]:
    none = ~judgement.usable
    return {
        "user_id": pa.array(batch.view.user_ids[batch.rows], pa.string()),
        "score": pa.array(judgement.probability, mask=none),
        "expected_value": pa.nulls(len(none), pa.float64()) if judgement.expected is None else pa.array(judgement.expected, mask=none),
        "raw_score": pa.array(judgement.raw, mask=none),
        **{f"reason_{number + 1}": pa.array(texts[:, number], pa.string()) for number in range(texts.shape[1])},
        **{f"reason_{number + 1}_effect": pa.array(column, mask=~np.isfinite(column)) for number, column in enumerate(moved.T)},
        "score_basis": pa.array(score_basis(batch.view)[batch.rows], pa.string()),
        "refused_reason": pa.array(np.full(len(none), NOT_FINITE, dtype=object), pa.string(), mask=~none),
    }


def _without_features(users: UserIds) -> pa.Table:
    told = {"user_id": pa.array(users, pa.string()), "refused_reason": pa.array([NO_FEATURES] * len(users), pa.string())}
    return pa.table({field.name: told.get(field.name, pa.nulls(len(users), field.type)) for field in PARTIAL}, schema=PARTIAL)
