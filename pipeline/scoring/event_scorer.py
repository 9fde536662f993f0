"""A sequence model's answers to lists of events, for people: the same files and the same arithmetic as the nightly scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.target import Target
from features.timeline import Timeline, from_events, running_total
from models.classifier import Batch
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import verify
from pipeline.scoring.event_lists import cutoffs_of, events_of
from pipeline.scoring.scorer import Scorer, open_scorer

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class EventScorer:
    """A scorer of a kind that reads users' events and no feature columns; `event_types` are those it learned, in its order."""

    scorer: Scorer
    event_types: tuple[str, ...]

    def judge(self, table: pd.DataFrame) -> pd.DataFrame:
        """`score` (calibrated probability) of each row, from its `cutoff` and its lists of events (`event_lists`); the table's index.

        What was not known at a row's cutoff is not read: `event_time < cutoff` and `available_at <= cutoff`. The network reads a
        user's newest events, as many as `training.sequence.length`, and the pause before the oldest of them: one event more is enough.
        Raises what `events_of` and `cutoffs_of` raise, and ValueError for an event type that the model has not learned.
        """
        import pandas as pd

        cutoffs = cutoffs_of(table)
        everyone = _timeline(events_of(table), len(table), self.event_types)
        score = np.empty(len(table))
        for cutoff in sorted(set(cutoffs)):
            rows = np.flatnonzero([each == cutoff for each in cutoffs])
            score[rows] = self.scorer.judge(Batch(everyone.as_of(cutoff), rows, cutoff, np.empty((len(rows), 0)))).probability
        return pd.DataFrame({"score": score}, index=table.index)


def open_event_scorer(folder: str | Path, manifest_sha256: str) -> EventScorer:
    """The scorer in `folder`, verified first. Raises ModelRefused for changed files and for a kind that does not read events."""
    place = Path(folder)
    manifest = verify(place, manifest_sha256)
    scorer = open_scorer(place, manifest_sha256, fingerprint=manifest.fingerprint, target=Target(**manifest.target))
    from models.sequence_classifier import SequenceClassifier

    if not isinstance(scorer.classifier, SequenceClassifier):
        raise ModelRefused(f"A {manifest.kind} model reads a table of features, not events", mend="hand it its feature columns")
    return EventScorer(scorer, scorer.classifier.event_types)


def _timeline(events: pa.Table, users: int, event_types: Sequence[str]) -> Timeline:
    """With every row of the table as a user, those without an event too, at their places."""
    seen = from_events(events, event_types)
    counts = np.zeros(users, dtype=np.int64)
    counts[seen.user_ids.astype(np.int64)] = np.diff(seen.offsets)
    return replace(seen, user_ids=np.arange(users).astype(object), offsets=running_total(counts))
