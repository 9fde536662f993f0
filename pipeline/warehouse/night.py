"""One target's scores at one cutoff, as the rows of the three tables that are swapped together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.cutoff import Cutoff
from pipeline.errors import PublishRefused
from pipeline.warehouse.checksum import checksum
from pipeline.warehouse.schema import Table, conform
from pipeline.warehouse.tables import REFUSED_USERS, SCORE_RUNS, USER_SCORES

RUN: Mapping[str, Callable[[object], object]] = {
    "run_id": str,
    "model_name": str,
    "model_version": str,
    "eligible": lambda value: int(str(value)),
    "scored": lambda value: int(str(value)),
    "refused": lambda value: int(str(value)),
    "lake_version": lambda value: int(str(value)),
    "started_at": lambda value: value if isinstance(value, datetime) else datetime.fromisoformat(str(value)),
    "finished_at": lambda value: value if isinstance(value, datetime) else datetime.fromisoformat(str(value)),
}
"""What the scoring run says of itself, and how each value is read from text."""


@dataclass(frozen=True)
class Night:
    """Rows of `user_scores` and `refused_users`, and the one row of `score_runs`, all of this target and cutoff."""

    target: str
    cutoff: Cutoff
    user_scores: pa.Table
    refused_users: pa.Table
    score_runs: pa.Table

    @property
    def key(self) -> dict[str, object]:
        """What the night replaces in each table."""
        return {"target": self.target, "cutoff": self.cutoff.instant}

    @property
    def tables(self) -> tuple[tuple[Table, pa.Table], ...]:
        """Each table with its rows."""
        return (USER_SCORES, self.user_scores), (REFUSED_USERS, self.refused_users), (SCORE_RUNS, self.score_runs)


def night_of(scores: pa.Table, target: str, cutoff: Cutoff, run: Mapping[str, object]) -> Night:
    """The night in one partition of the lake's `scores`, with what its run said of itself (`RUN`, as values or text).

    Rows with a `refused_reason` are the refused users; columns that the tables do not have are dropped. Users are counted here; that the
    run counted as many is for the gate to say (`pipeline.validation.score_gate`).
    Raises PublishRefused for a row, column or run value that does not fit.
    """
    key = {"target": target, "cutoff": cutoff.instant}
    if "refused_reason" not in scores.column_names:
        raise PublishRefused(f"Scores of {target} at {cutoff} lack the column refused_reason", mend="score this cutoff again")
    refused = pc.is_valid(scores["refused_reason"])
    known = [name for name in scores.column_names if name in USER_SCORES.names and name not in key]
    users = conform(USER_SCORES, scores.filter(pc.invert(refused)).select(known), key)
    reasons = scores.filter(refused).select(["user_id", "refused_reason"]).rename_columns(["user_id", "reason"])
    counts = {"eligible": scores.num_rows, "scored": users.num_rows, "refused": reasons.num_rows}
    row = {name: [value] for name, value in {**run_values(run, target, cutoff), **counts}.items()}
    return Night(
        target,
        cutoff,
        users,
        conform(REFUSED_USERS, reasons, key),
        conform(SCORE_RUNS, pa.table({**row, "checksum": [checksum(users)]}), key),
    )


def run_values(run: Mapping[str, object], target: str, cutoff: Cutoff) -> dict[str, object]:
    """What the run said of itself (`RUN`), typed. Raises PublishRefused for a value that is missing or cannot be read."""
    values: dict[str, object] = {}
    for name, read in RUN.items():
        try:
            values[name] = read(run[name])
        except KeyError:
            raise PublishRefused(f"Scores of {target} at {cutoff} do not say their {name}", mend="score this cutoff again") from None
        except ValueError as error:
            raise PublishRefused(f"Scores of {target} at {cutoff} have {name} = {run[name]!r}", mend="score this cutoff again") from error
    return values
