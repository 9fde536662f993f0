"""The scores of some buckets' users, with reasons: one task of the nightly run.

Exact reasons have a fixed cost per call, so a task takes several small buckets and explains their users together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.eligibility import eligible, score_basis
from features.target import Target
from models.classifier import Batch
from pipeline.scoring.bucket import BucketInputs, ScorerFile, UserIds, batch_of, load_view, opened
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


@dataclass(frozen=True)
class ScoreTask:
    """Score the eligible users of these buckets, one or more."""

    inputs: tuple[BucketInputs, ...]
    scorer: ScorerFile

    def __str__(self) -> str:
        first, last = self.inputs[0].bucket, self.inputs[-1].bucket
        return str(first) if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Asked:
    """The eligible users of one bucket or several.

    batch    those with features; basis (n,) how much is known of each
    without  ids of those that have no features
    """

    batch: Batch
    judgement: Judgement
    basis: npt.NDArray[np.object_]
    without: UserIds


def score_buckets(task: ScoreTask) -> pa.Table:
    """Every eligible user of the buckets, scored with reasons or refused with a reason: rows of `PARTIAL`, sorted by user.

    The rows do not depend on which buckets share a task. A model that reads features alone keeps no events of a bucket while it reads
    the next; with one that reads events, buckets are explained one by one.
    """
    scorer, target = opened(task.scorer), task.scorer.target
    if scorer.reads_events:
        rows = pa.concat_tables([_rows(scorer, _asked(scorer, target, inputs)) for inputs in task.inputs])
    else:
        rows = _rows(scorer, _together([_without_events(_asked(scorer, target, inputs)) for inputs in task.inputs]))
    return rows.sort_by("user_id")


def _asked(scorer: Scorer, target: Target, inputs: BucketInputs) -> Asked:
    view = load_view(inputs)
    users = np.flatnonzero(eligible(view, target, inputs.cutoff))
    batch, known = batch_of(view, users, inputs)
    return Asked(batch, scorer.judge(batch), score_basis(view)[batch.rows], view.user_ids[users[~known]])


def _without_events(asked: Asked) -> Asked:
    """The same, in a batch that holds its users' features and none of the events."""
    whole, users = asked.batch.view, asked.batch.view.user_ids[asked.batch.rows]
    silent = whole.where(np.zeros(len(whole.event_time), dtype=bool))
    view = replace(
        silent,
        user_ids=users,
        offsets=np.zeros(len(users) + 1, dtype=np.int64),
        items=np.empty(0, dtype=object),
        categories=np.empty(0, dtype=object),
    )
    return replace(asked, batch=replace(asked.batch, view=view, rows=np.arange(len(users))))


def _together(parts: Sequence[Asked]) -> Asked:
    """Buckets without events as one."""
    first, judged = parts[0], [part.judgement for part in parts]
    users = np.concatenate([part.batch.view.user_ids for part in parts])
    view = replace(first.batch.view, user_ids=users, offsets=np.zeros(len(users) + 1, dtype=np.int64))
    features = np.concatenate([part.batch.features for part in parts])
    expected = [each.expected for each in judged if each.expected is not None]
    return Asked(
        Batch(view, np.arange(len(users)), first.batch.cutoff, features),
        Judgement(
            np.concatenate([each.raw for each in judged]),
            np.concatenate([each.probability for each in judged]),
            np.concatenate(expected) if expected else None,
        ),
        np.concatenate([part.basis for part in parts]),
        np.concatenate([part.without for part in parts]),
    )


def _rows(scorer: Scorer, asked: Asked) -> pa.Table:
    batch, judgement = asked.batch, asked.judgement
    texts, moved = scorer.reasons(batch, judgement)
    none = ~judgement.usable
    columns = {
        "user_id": pa.array(batch.view.user_ids[batch.rows], pa.string()),
        "score": pa.array(judgement.probability, mask=none),
        "expected_value": pa.nulls(len(none), pa.float64()) if judgement.expected is None else pa.array(judgement.expected, mask=none),
        "raw_score": pa.array(judgement.raw, mask=none),
        **{f"reason_{number + 1}": pa.array(texts[:, number], pa.string()) for number in range(texts.shape[1])},
        **{f"reason_{number + 1}_effect": pa.array(column, mask=~np.isfinite(column)) for number, column in enumerate(moved.T)},
        "score_basis": pa.array(asked.basis, pa.string()),
        "refused_reason": pa.array(np.full(len(none), NOT_FINITE, dtype=object), pa.string(), mask=~none),
    }
    without = {"user_id": pa.array(asked.without, pa.string()), "refused_reason": pa.array([NO_FEATURES] * len(asked.without), pa.string())}
    missing = {name: pa.nulls(len(asked.without), PARTIAL.field(name).type) for name in PARTIAL.names if name not in without}
    refused = {**without, **missing}
    return pa.concat_tables([pa.table(columns, schema=PARTIAL), pa.table({name: refused[name] for name in PARTIAL.names}, schema=PARTIAL)])
