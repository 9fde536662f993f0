"""Labelled users with the timelines of their buckets: what a sequence model learns from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from features.cutoff import Cutoff
from features.labels import Labels
from features.target import Target
from features.timeline import Timeline
from models.sequence_data import Block
from pipeline import timelines
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.training_set import LABELS_TABLE, definition


@dataclass(frozen=True)
class Samples:
    """Columns bucket, cutoff (key), user_id, label, timelines_version: one row per labelled user and cutoff, in that order."""

    rows: pl.DataFrame

    @property
    def labels(self) -> Labels:
        """(n,) int8."""
        labels: Labels = self.rows["label"].to_numpy()
        return labels

    @property
    def buckets(self) -> list[int]:
        """Buckets with samples, ascending."""
        return sorted(self.rows["bucket"].unique().to_list())

    def drawn(self, limit: int, seed: int) -> Samples:
        """All, or `limit` of them drawn at random by the seed; the same labels and seed give the same samples."""
        if len(self.rows) <= limit:
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self.rows))[:limit])
        return Samples(self.rows[chosen])


def labelled_samples(lake: Lake, target: Target, cutoffs: Sequence[Cutoff]) -> Samples:
    """The labels of these cutoffs. Raises MissingInput if one was not built for this target as it is configured now."""
    frames = [_labels(lake, target, cutoff) for cutoff in cutoffs]
    return Samples(pl.concat(frames).sort("bucket", "cutoff", "user_id"))


def load_blocks(lake: Lake, samples: Samples, buckets: Iterable[int], event_types: Sequence[str]) -> list[Block]:
    """One block per bucket and cutoff. The cutoffs of a bucket share one timeline, which holds the events of sampled users only."""
    numbers = samples.rows["user_id"].rank("dense").cast(pl.Int64).alias("number")
    numbered = samples.rows.with_columns(numbers)
    return [block for bucket in buckets for block in _bucket_blocks(lake, bucket, numbered.filter(pl.col("bucket") == bucket), event_types)]


def _bucket_blocks(lake: Lake, bucket: int, rows: pl.DataFrame, event_types: Sequence[str]) -> list[Block]:
    version = int(rows["timelines_version"].max())  # type: ignore[arg-type]
    timeline = _of_users(timelines.load(lake, bucket, event_types, version), set(rows["user_id"]))
    place = {user: position for position, user in enumerate(timeline.user_ids)}
    blocks = []
    for (key,), found in rows.group_by("cutoff", maintain_order=True):
        positions = np.array([place[user] for user in found["user_id"]], dtype=np.int64)
        blocks.append(Block(timeline, positions, Cutoff.from_key(str(key)), found["label"].to_numpy(), found["number"].to_numpy()))
    return blocks


def _of_users(timeline: Timeline, users: set[str]) -> Timeline:
    kept: npt.NDArray[np.bool_] = np.fromiter((user in users for user in timeline.user_ids), dtype=bool, count=timeline.users)
    return timeline.where(kept[timeline.owner])


def _labels(lake: Lake, target: Target, cutoff: Cutoff) -> pl.DataFrame:
    partition = {"target": target.name, "cutoff": cutoff.key}
    recorded = lake.metadata(LABELS_TABLE, partition)
    if recorded.get("definition", definition(target)) != definition(target):
        raise _missing(f"The labels of '{target.name}' at {cutoff} were built for another definition of the target", cutoff)
    try:
        rows = lake.read(LABELS_TABLE, partition, ["user_id", "label", "bucket", "cutoff"])
    except MissingInput as error:
        raise _missing(f"The labels of '{target.name}' at {cutoff} have not been built", cutoff) from error
    return pl.DataFrame(rows).select(
        "bucket", "cutoff", "user_id", "label", timelines_version=pl.lit(int(recorded["timelines_version"]), dtype=pl.Int64)
    )


def _missing(message: str, cutoff: Cutoff) -> MissingInput:
    return MissingInput(message, mend=f"run `nightcast build-features --training --cutoff …` for a training that uses {cutoff}")
