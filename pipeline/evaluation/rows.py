"""Judge the labelled users of one bucket by several models at once, through the scoring code of the nightly run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from features.timeline import Timeline
from models.classifier import Batch, Floats, Labels
from pipeline.errors import MissingInput
from pipeline.evaluation.groups import user_groups
from pipeline.evaluation.slicing import Column
from pipeline.scoring.bucket import BucketInputs, ScorerFile, batch_of, load_view, opened
from pipeline.training_set import LABELS_TABLE


@dataclass(frozen=True)
class JudgeTask:
    """One bucket with labels at its cutoff, the models to judge, and the columns that group its users."""

    inputs: BucketInputs
    labels_version: int
    target: str
    scorers: tuple[ScorerFile, ...]
    slices: tuple[str, ...] = ()

    @property
    def summed(self) -> bool:
        """Whether the labels have amounts, and the models expected values."""
        return self.scorers[0].target.kind == "sum"

    def __str__(self) -> str:
        return str(self.inputs.bucket)


@dataclass(frozen=True)
class BucketAnswers:
    """Outcomes (n,) and, one column per scorer, log-odds and probabilities (n, M), users in the timeline's order.

    amounts (n,) and expected (n, M) are there for a sum target. groups: column → (n,) texts or numbers, for each of the task's `slices`.
    """

    y: Labels
    raw: Floats
    probability: Floats
    amounts: Floats | None = None
    expected: Floats | None = None
    groups: Mapping[str, Column] = field(default_factory=dict)


def judge_bucket(task: JudgeTask) -> BucketAnswers:
    """What each model says of the bucket's labelled users, beside what happened.

    Raises MissingInput if a labelled user has no features at the cutoff: labels and features then come from different timelines;
    ConfigError for a slice that is neither a column of `groups.KNOWN` nor a feature.
    """
    inputs = task.inputs
    where = {"target": task.target, "cutoff": inputs.cutoff.key, "bucket": str(inputs.bucket)}
    told = ["label", "amount"] if task.summed else ["label"]
    rows = inputs.lake.read(LABELS_TABLE, where, ["user_id", *told], version=task.labels_version)
    outcome = {user: place for place, user in enumerate(rows["user_id"].to_pylist())}
    view = load_view(inputs)
    asked = np.flatnonzero(np.fromiter((user in outcome for user in view.user_ids), dtype=bool, count=view.users))
    batch, known = batch_of(view, asked, inputs)
    if len(asked) != len(outcome) or not known.all():
        raise MissingInput(
            f"Bucket {inputs.bucket} has {len(outcome)} labels at {inputs.cutoff}, but features for {int(known.sum())} of these users",
            mend="run `nightcast build-features --training --cutoff …` again: labels and features differ in age",
        )
    judgements = [opened(scorer).judge(batch) for scorer in task.scorers]
    places = np.array([outcome[user] for user in view.user_ids[asked]], dtype=np.int64)
    return BucketAnswers(
        y=rows["label"].to_numpy()[places],
        raw=np.stack([each.raw for each in judgements], axis=1),
        probability=np.stack([each.probability for each in judgements], axis=1),
        amounts=rows["amount"].to_numpy()[places] if task.summed else None,
        expected=np.stack([each.expected for each in judgements if each.expected is not None], axis=1) if task.summed else None,
        groups=_groups(task, view, batch),
    )


def _groups(task: JudgeTask, view: Timeline, batch: Batch) -> dict[str, Column]:
    """Columns of the features are copied, so that the answer does not hold all of them."""
    inputs = task.inputs
    numbers = {name: column.copy() for name, column in zip(inputs.features, batch.features.T, strict=True) if name in task.slices}
    return user_groups(inputs.lake, inputs.bucket, inputs.timelines_version, view, batch.rows, inputs.cutoff, task.slices, numbers)
