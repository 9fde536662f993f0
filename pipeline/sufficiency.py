"""Whether there is enough to learn from and to judge by: said before time is spent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models import sufficiency
from models.classifier import Labels
from models.sufficiency import Verdict
from pipeline.errors import NotEnoughData
from pipeline.lake import Lake
from pipeline.scoring.enrolment import MEND, Training
from pipeline.training_set import LABELS_TABLE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sufficiency:
    """What a training may expect.

    verdict  `go`; `warn`: it trains, but models can hardly be told apart; `refuse`: it is skipped
    words    why, in a sentence
    width    expected width of the AUC's 95 % interval at the evaluation cutoff, in [0, 1]
    """

    verdict: Verdict
    words: str
    width: float

    @property
    def tags(self) -> dict[str, str]:
        """For the MLflow run of the training."""
        return {"sufficiency": self.verdict, "sufficiency_words": self.words}


def judge(training: Training, labels: Labels) -> Sufficiency:
    """The verdict on samples with these outcomes, (n,) 0/1, of all training cutoffs; logged.

    The evaluation cutoff is not looked at: as many users as were eligible at the newest training cutoff are expected there, and the
    training cutoffs' share of outcome 1 among them. Refused are fewer than `training.min_positives` samples of either outcome.
    Raises NotEnoughData without any sample.
    """
    if len(labels) == 0:
        raise NotEnoughData(
            f"Target '{training.target.name}' as of {training.as_of} has no eligible user at any training cutoff", mend=MEND
        )
    positives = int((labels == 1).sum())
    users = _eligible(training, len(labels))
    ones = users * positives / len(labels)
    width = sufficiency.auc_width(ones, users - ones)
    least = training.config.training.min_positives
    verdict = sufficiency.verdict(positives, len(labels) - positives, width, least=least)
    words = _words(training, verdict, positives, len(labels) - positives, ones, users, width)
    logger.log(logging.INFO if verdict == "go" else logging.WARNING, "%s", words)
    return Sufficiency(verdict, words, width)


def trained_or_skipped(training: Training, kind: str, found: Sufficiency, train: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result of `train`, or why nothing is trained: `found` refuses, or only the training itself could see that there is too little.

    Neither is an error: a small shop's night goes on with the models it has.
    """
    words = found.words
    if found.verdict != "refuse":
        try:
            return train()
        except NotEnoughData as error:
            words = error.message
            logger.warning("%s", words)
    return {"target": training.target.name, "kind": kind, "trained": False, "reason": words}


def _eligible(training: Training, samples: int) -> int:
    """Users at the newest training cutoff; where the lake has forgotten how many, the mean of all."""
    recorded = Lake(training.config.lake_url).metadata(LABELS_TABLE, {"target": training.target.name, "cutoff": training.newest.key})
    return int(recorded.get("rows", samples // len(training.split.training)))


def _words(training: Training, verdict: Verdict, positives: int, negatives: int, ones: float, users: int, width: float) -> str:
    about = f"{training.target.name} as of {training.as_of}"
    if verdict == "refuse":
        return (
            f"{about} is not trained: {positives:,} samples with outcome 1 and {negatives:,} with outcome 0 at "
            f"{len(training.split.training)} training cutoffs; at least {training.config.training.min_positives:,} of each are needed "
            "(training.min_positives)"
        )
    rarer, outcome = min((ones, 1), (users - ones, 0))
    expected = f"{rarer:,.0f} of {users:,} users at the evaluation cutoff are expected to have outcome {outcome}"
    known = f"so the AUC will be known to ± {width / 2:.3f}"
    if verdict == "go":
        return f"{about}: {expected}, {known}: enough"
    return f"{about}: only {expected}, {known}; models can hardly be told apart: expect the champion to stay"
