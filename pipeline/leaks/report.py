"""What the leak gate found as of an instant, in the lake: training asks for it, and stores it with the model's run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.splits import Split
from features.target import Target
from pipeline.errors import LeakFound, MissingInput
from pipeline.lake import Lake
from pipeline.training_set import definition

TABLE = "leak_checks"
SCHEMA = pa.schema(
    [
        pa.field("check", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("allowed", pa.string(), nullable=False),
        pa.field("passed", pa.bool_(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

CODE = "mend the feature family so that it walks within begin, recent and end of its observation, then build the features again"
COLUMN = (
    "do not map a source column that is filled in or corrected after its event (a total, a score, a state on the day of the export), "
    "ingest and build again; if the column is honest, raise its limit in [leaks]"
)
MENDS: Mapping[str, str] = {
    "truncation": CODE,
    "permuted_future": CODE,
    "same_person": "give each person one user id in the source: who is there twice is learned from and judged on",
    "shuffled_labels": "look for rows that are there twice, for folds that part a user's rows, and for ids among the features",
    "too_good": COLUMN,
    "irreplaceable": COLUMN,
    "accumulated": COLUMN,
    "planted": "check more users (leaks.users) or use a later cutoff: a gate that misses a leak planted on purpose proves nothing",
}


@dataclass(frozen=True)
class Finding:
    """One check of the gate.

    subject  what was checked: all features, or a target and who of its users
    value    what was measured, NaN if nothing could be; allowed says in words what it may be
    """

    check: str
    subject: str
    value: float
    allowed: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Checked:
    """What a report is about: these features, from this version of `timelines`, for these targets at these cutoffs."""

    features: FeatureSet
    timelines_version: int
    splits: Mapping[Target, Split]


def store(lake: Lake, as_of: Cutoff, checked: Checked, findings: Sequence[Finding]) -> None:
    """Commit the report as of an instant, in the place of an earlier one."""
    rows = pa.Table.from_pylist([asdict(finding) for finding in findings], schema=SCHEMA)
    part = lake.write_part(TABLE, {"cutoff": as_of.key}, uuid4().hex, rows)
    metadata = {
        "fingerprint": checked.features.fingerprint,
        "timelines_version": str(checked.timelines_version),
        "passed": str(all(finding.passed for finding in findings)).lower(),
        **{f"target {target.name}": _question(target, split) for target, split in checked.splits.items()},
    }
    lake.commit(TABLE, SCHEMA, {"cutoff": as_of.key}, [part], metadata=metadata)


def require(lake: Lake, as_of: Cutoff, features: FeatureSet, target: Target, split: Split, timelines_version: str) -> list[dict[str, Any]]:
    """The rows of the report as of an instant, which has passed for these features, timelines, target and cutoffs.

    Raises MissingInput if there is none for exactly these, LeakFound if it failed.
    """
    recorded = lake.metadata(TABLE, {"cutoff": as_of.key})
    wanted = {
        "fingerprint": features.fingerprint,
        "timelines_version": timelines_version,
        f"target {target.name}": _question(target, split),
    }
    different = [key for key, value in wanted.items() if recorded.get(key) != value]
    if different:
        why = f"the last one was made for another {' and '.join(different)}" if recorded else "there is none"
        raise MissingInput(
            f"Training '{target.name}' as of {as_of} needs a report of the leak gate; {why.replace('_', ' ')}",
            mend=f"run `nightcast check-leaks --cutoff {as_of}` first",
        )
    rows: list[dict[str, Any]] = lake.read(TABLE, {"cutoff": as_of.key}, SCHEMA.names).to_pylist()
    if recorded["passed"] != "true":
        raise leak_found(as_of, [Finding(**row) for row in rows])
    return rows


def leak_found(as_of: Cutoff, findings: Sequence[Finding]) -> LeakFound:
    """The failed checks of a report in words, with what to do about each kind."""
    failed = [finding for finding in findings if not finding.passed]
    lines = "\n".join(f"  {finding.check}, {finding.subject}: {finding.detail}" for finding in failed)
    mends = dict.fromkeys(MENDS[finding.check] for finding in failed)
    return LeakFound(
        f"The leak gate failed as of {as_of}: {len(failed)} of {len(findings)} checks.\n{lines}",
        mend=f"{'; '.join(mends)}; then run `nightcast check-leaks --cutoff {as_of}` again",
    )


def _question(target: Target, split: Split) -> str:
    return json.dumps([definition(target), *(cutoff.key for cutoff in (*split.training, split.evaluation))])
