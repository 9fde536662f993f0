"""A model's answers to a table of features, for people: the same files and the same arithmetic as the nightly scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from features.contract import EVENTS
from features.cutoff import Cutoff
from features.target import Target
from features.timeline import from_events
from models.classifier import Batch
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import verify
from pipeline.scoring.scorer import READ_EVENTS, Scorer, open_scorer

if TYPE_CHECKING:
    import pandas as pd


def outputs(target: Target) -> tuple[str, ...]:
    """The columns that `TableScorer.judge` gives."""
    return ("score", "expected_value") if target.kind == "sum" else ("score",)


@dataclass(frozen=True)
class TableScorer:
    """A scorer of a kind that reads nothing but feature columns."""

    scorer: Scorer

    @property
    def columns(self) -> Sequence[str]:
        """The columns a table must have, in the order of the feature set."""
        return self.scorer.manifest.features

    def judge(self, table: pd.DataFrame) -> pd.DataFrame:
        """`score` (calibrated probability) of each row, and `expected_value` where the target is a sum; the table's index.

        Columns are found by name; NaN = undefined; others than `columns` are not read. Raises KeyError naming those that are missing.
        """
        import pandas as pd

        matrix = np.ascontiguousarray(table[list(self.columns)].to_numpy(dtype=np.float64))
        view = from_events(EVENTS.empty_table(), ("any",))
        newest = Cutoff.from_key(self.scorer.manifest.cutoffs[-1])
        judgement = self.scorer.judge(Batch(view, np.arange(len(matrix)), newest, matrix))
        answers = {"score": judgement.probability, "expected_value": judgement.expected}
        return pd.DataFrame({name: column for name, column in answers.items() if column is not None}, index=table.index)


def open_table_scorer(folder: str | Path, manifest_sha256: str) -> TableScorer:
    """The scorer in `folder`, verified first. Raises ModelRefused for changed files and for a kind that does not read features alone."""
    place = Path(folder)
    manifest = verify(place, manifest_sha256)
    if manifest.kind in READ_EVENTS:
        raise ModelRefused(f"A {manifest.kind} model reads events, not a table of features", mend="score it with `nightcast score`")
    target = Target(**manifest.target)
    return TableScorer(open_scorer(place, manifest_sha256, fingerprint=manifest.fingerprint, target=target))
