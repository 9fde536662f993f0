"""What the warehouse knows of how good the versions of a target have been: when they were judged, and once their nights came true."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from features.cutoff import Cutoff
from pipeline.evaluation.evidence import Estimate
from pipeline.warehouse import Warehouse

Basis = Literal["validation", "realised"]

ALL_USERS = "all"
METRICS = ("auc", "calibration_ratio")
HISTORY = """
SELECT cutoff, model_version, slice, metric, basis, value, lower, upper FROM model_quality
WHERE target = $1 AND cutoff <= $2 AND metric IN ($3, $4) AND value IS NOT NULL
ORDER BY cutoff, model_version, slice, metric, basis
"""


@dataclass(frozen=True)
class Point:
    """A figure of one version at one cutoff; `users` is `all` or a slice's name.

    basis  `validation`: judged at that cutoff before it scored; `realised`: its published scores of that night, beside what happened
    """

    cutoff: Cutoff
    version: str
    users: str
    metric: str
    basis: Basis
    estimate: Estimate


def quality_history(warehouse: Warehouse, target: str, until: Cutoff, versions: Collection[str]) -> list[Point]:
    """The target's figures `METRICS` up to `until`, oldest first: of `versions`, and of every version whose nights came true."""
    points = [_point(row) for row in warehouse.query(HISTORY, [target, until.instant, *METRICS]).to_pylist()]
    served = {point.version for point in points if point.basis == "realised"} | set(versions)
    return [point for point in points if point.version in served]


def newest(history: Sequence[Point], users: str, metric: str, basis: Basis, version: str | None = None) -> Point | None:
    """The newest of these, of `version` if one is given."""
    wanted = (users, metric, basis)
    return next(
        (point for point in reversed(history) if (point.users, point.metric, point.basis) == wanted and version in (None, point.version)),
        None,
    )


def _point(row: Mapping[str, Any]) -> Point:
    at = Cutoff(row["cutoff"].astimezone(UTC))
    estimate = Estimate(row["value"], row["lower"], row["upper"])
    return Point(at, row["model_version"], row["slice"], row["metric"], row["basis"], estimate)
