"""What the lake holds at a cutoff, against the same features computed where the future is gone, or is another one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from features.cutoff import Cutoff
from features.feature_set import FeatureSet, Floats
from features.timeline import Flags, from_events
from pipeline.leaks.planted import next_event
from pipeline.leaks.report import Finding
from pipeline.leaks.sample import Sample
from pipeline.leaks.scrambled import scrambled

SET_OF_USERS = "the set of users"
"""Stands in for a feature's name where users are missing, or there without a visible event."""

NAMED = 5
"""Most features that a finding names."""


@dataclass
class Compared:
    """How many values were compared, how many differ by feature, and how many values of the planted leak were seen to differ."""

    cells: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    planted: int = 0

    def add(self, other: Compared) -> None:
        """Count what another bucket or cutoff gave."""
        self.cells += other.cells
        self.differing.update(other.differing)
        self.planted += other.planted


@dataclass(frozen=True)
class FutureTask:
    """Compare one bucket of the sample at every cutoff."""

    sample: Sample
    bucket: int
    cutoffs: tuple[Cutoff, ...]
    seed: int

    def __str__(self) -> str:
        return str(self.bucket)


def compare_bucket(task: FutureTask) -> tuple[Compared, Compared]:
    """Without the future, and with a scrambled one; runs on a worker."""
    events = task.sample.events(task.bucket)
    without, other = Compared(), Compared()
    for number, cutoff in enumerate(task.cutoffs):
        random = np.random.default_rng([task.seed, task.bucket, number])
        committed = task.sample.built(task.bucket, cutoff, events["user_id"].unique())
        for found, changed in ((without, events.filter(known_at(cutoff))), (other, scrambled(events, ~known_at(cutoff), cutoff, random))):
            found.add(_compared(task.sample.features, committed, changed, cutoff))
            found.planted += _differing(next_event(committed["user_id"], events, cutoff), next_event(committed["user_id"], changed, cutoff))
    return without, other


def known_at(cutoff: Cutoff) -> pl.Expr:
    """Which events had happened before the cutoff and were known by then."""
    instant = pl.lit(cutoff.instant).cast(pl.Datetime("us", "UTC"))
    return (pl.col("event_time") < instant) & (pl.col("available_at") <= instant)


def _compared(features: FeatureSet, committed: pl.DataFrame, events: pl.DataFrame, cutoff: Cutoff) -> Compared:
    """The features of `events` at the cutoff, recomputed, against those committed."""
    timeline = from_events(events.to_arrow(), features.event_types)
    seen: Flags = np.diff(timeline.as_of(cutoff).offsets) > 0
    users = pl.Series("user_id", timeline.user_ids[seen].tolist(), dtype=pl.String)
    matrix = features.at(timeline, cutoff)[seen] if seen.any() else np.empty((0, len(features.names)))
    both = committed["user_id"].is_in(users.implode()).to_numpy(), users.is_in(committed["user_id"].implode()).to_numpy()
    strangers = int((~both[0]).sum() + (~both[1]).sum())
    held = committed.select(features.names).to_numpy()[both[0]]
    differing = Counter({SET_OF_USERS: strangers}) if strangers else Counter[str]()
    for position, name in enumerate(features.names):
        if count := _differing(held[:, position], matrix[both[1], position]):
            differing[name] = count
    return Compared(held.size + strangers, differing)


def judged(check: str, found: Compared) -> list[Finding]:
    """The finding of `truncation` or `permuted_future`, and whether it saw the leak that was planted for it."""
    differing, said = found.differing.total(), f"{found.cells:,} values compared, all equal to the last bit"
    if differing:
        named = ", ".join(name for name, _ in found.differing.most_common(NAMED))
        said = f"{differing:,} of {found.cells:,} values depend on what was not known at their cutoff; most often {named}"
    planted = f"{found.planted:,} values of a column that tells the next event were seen to depend on it"
    return [
        Finding(check, "all features", float(differing), "0", not differing, said),
        Finding("planted", f"{check}, the next event", float(found.planted), "above 0", found.planted > 0, planted),
    ]


def _differing(values: Floats, others: Floats) -> int:
    """Values that are not equal to the last bit; two undefined ones are."""
    values, others = np.ascontiguousarray(values), np.ascontiguousarray(others)
    same = (values.view(np.int64) == others.view(np.int64)) | (np.isnan(values) & np.isnan(others))
    return int((~same).sum())
