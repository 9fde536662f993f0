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
from pipeline.config_sections import Ladder
from pipeline.lake_parts import Layout, PartWriter
from pipeline.scoring.bucket import BucketInputs, ScorerFile, UserIds, blocks, opened
from pipeline.scoring.scorer import REASONS, Judgement, Scorer

NOT_FINITE = "the model gave no finite score"
NO_FEATURES = "no features at this cutoff"
TOO_LITTLE = "too little is known of this user"
AVERAGE = "too little is known of this user: the average of all"
"""The reason of a user whom the base rate answers for."""

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
    """Score a bucket's eligible users for several targets.

    run     the first part of the names of the files
    ladder  who answers for users of whom more or less is known
    """

    inputs: BucketInputs
    scorers: tuple[ScorerFile, ...]
    run: str
    ladder: Ladder

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
                users = block.view.user_ids[lost[flags[lost]]]
                writers[place].write(_answered(scorer, _of(batch, flags[batch.rows]), users, task.ladder))
    paths = [posixpath.join(FOLDER, writer.part.path) if writer.part else None for writer in writers]
    return tuple(Unranked(task.inputs.bucket, count, path) for count, path in zip(counts, paths, strict=True))


def _writer(task: ScoreTask) -> PartWriter:
    """Its file's name is new for every attempt, so a worker given up for dead cannot touch what another wrote."""
    return task.inputs.lake.part_writer(FOLDER, {}, f"{task.run}-{uuid4().hex}", PARTIAL, LAYOUT)


def _of(batch: Batch, kept: Flags) -> Batch:
    """Those of the batch whose flag (n,) is set."""
    return batch if kept.all() else replace(batch, rows=batch.rows[kept], features=batch.features[kept])


def _answered(scorer: Scorer, batch: Batch, lost: UserIds, ladder: Ladder) -> pa.Table:
    """Each user's row by the rung of what is known of the user, and those of users without features."""
    basis = score_basis(batch.view)[batch.rows]
    rungs = {known: getattr(ladder, known) for known in Ladder.model_fields}
    champion, average, refused = (
        _of(batch, np.isin(basis, [known for known in rungs if rungs[known] == rung])) for rung in ("champion", "base_rate", "refuse")
    )
    rows = [_judged(scorer, champion)]
    if len(average.rows):
        rows.append(_averaged(scorer, average))
    for users, reason in ((refused.view.user_ids[refused.rows], TOO_LITTLE), (lost, NO_FEATURES)):
        if len(users):
            rows.append(_refused(users, reason))
    return rows[0] if len(rows) == 1 else pa.concat_tables(rows).sort_by("user_id")


def _judged(scorer: Scorer, batch: Batch) -> pa.Table:
    judgement = scorer.judge(batch)
    texts, moved = scorer.reasons(batch, judgement)
    return pa.table(_columns(batch, judgement, texts, moved), schema=PARTIAL)


def _averaged(scorer: Scorer, batch: Batch) -> pa.Table:
    texts = np.full((len(batch.rows), REASONS), None, dtype=object)
    texts[:, 0] = AVERAGE
    return pa.table(_columns(batch, scorer.average(batch), texts, np.full(texts.shape, np.nan)), schema=PARTIAL)


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


def _refused(users: UserIds, reason: str) -> pa.Table:
    told = {"user_id": pa.array(users, pa.string()), "refused_reason": pa.array([reason] * len(users), pa.string())}
    return pa.table({field.name: told.get(field.name, pa.nulls(len(users), field.type)) for field in PARTIAL}, schema=PARTIAL)
