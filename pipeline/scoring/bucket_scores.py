"""The scores of one bucket's users, with reasons: one task of the nightly run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.eligibility import eligible, score_basis
from features.timeline import Timeline
from models.classifier import Batch, Floats
from models.explanations import Texts
from pipeline.scoring.bucket import BucketInputs, ScorerFile, UserIds, batch_of, load_view, opened
from pipeline.scoring.scorer import Judgement

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


@dataclass(frozen=True)
class ScoreTask:
    """Score the eligible users of a bucket."""

    inputs: BucketInputs
    scorer: ScorerFile

    def __str__(self) -> str:
        return str(self.inputs.bucket)


def score_bucket(task: ScoreTask) -> pa.Table:
    """Every eligible user of the bucket, scored with reasons or refused with a reason: rows of `PARTIAL`, sorted by user."""
    inputs, scorer = task.inputs, opened(task.scorer)
    view = load_view(inputs)
    asked = np.flatnonzero(eligible(view, task.scorer.target, inputs.cutoff))
    batch, known = batch_of(view, asked, inputs)
    judgement = scorer.judge(batch)
    texts, moved = scorer.reasons(batch, judgement)
    scored = pa.table(_columns(view, batch, judgement, texts, moved), schema=PARTIAL)
    return pa.concat_tables([scored, _without_features(view.user_ids[asked[~known]])]).sort_by("user_id")


def _columns(view: Timeline, batch: Batch, judgement: Judgement, texts: Texts, moved: Floats) -> dict[str, pa.Array]:
    none = ~judgement.usable
    return {
        "user_id": pa.array(view.user_ids[batch.rows], pa.string()),
        "score": pa.array(judgement.probability, mask=none),
        "expected_value": pa.nulls(len(none), pa.float64()) if judgement.expected is None else pa.array(judgement.expected, mask=none),
        "raw_score": pa.array(judgement.raw, mask=none),
        **{f"reason_{number + 1}": pa.array(texts[:, number], pa.string()) for number in range(texts.shape[1])},
        **{f"reason_{number + 1}_effect": pa.array(column, mask=~np.isfinite(column)) for number, column in enumerate(moved.T)},
        "score_basis": pa.array(score_basis(view)[batch.rows], pa.string()),
        "refused_reason": pa.array(np.full(len(none), NOT_FINITE, dtype=object), pa.string(), mask=~none),
    }


def _without_features(users: UserIds) -> pa.Table:
    told = {"user_id": pa.array(users, pa.string()), "refused_reason": pa.array([NO_FEATURES] * len(users), pa.string())}
    return pa.table({field.name: told.get(field.name, pa.nulls(len(users), field.type)) for field in PARTIAL}, schema=PARTIAL)
