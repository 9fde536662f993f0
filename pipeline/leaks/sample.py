"""Some users of the lake, drawn by whole buckets, and what the lake holds about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import polars as pl

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.target import Target
from pipeline.errors import MissingInput
from pipeline.lake import Lake, Partition
from pipeline.timeline_bucket import TABLE
from pipeline.timelines import READ
from pipeline.training_set import LABELS_TABLE


@dataclass(frozen=True)
class Sample:
    """Every `step`-th user of these buckets, with the versions of the tables that are read. Small and picklable."""

    lake: Lake
    features: FeatureSet
    buckets: tuple[int, ...]
    step: int
    timelines_version: int
    features_version: int
    labels_version: int

    def events(self, bucket: int) -> pl.DataFrame:
        """The users' events, as features read them, with their ids. Raises MissingInput if that version is not kept any more."""
        rows = self.lake.read(TABLE, {"bucket": str(bucket)}, ["event_id", *READ], version=self.timelines_version)
        events = pl.DataFrame(rows)
        return events if self.step == 1 else events.filter(pl.col("user_id").rank("dense") % self.step == 0)

    def values(self, as_of: Cutoff) -> pl.DataFrame:
        """Columns user_id, event_time, event_type and value of the users' events before an instant."""
        before = pl.col("event_time") < pl.lit(as_of.instant).cast(pl.Datetime("us", "UTC"))
        names = ("user_id", "event_time", "event_type", "value")
        return pl.concat([self.events(bucket).filter(before).select(names) for bucket in self.buckets])

    def built(self, bucket: int, cutoff: Cutoff, users: pl.Series) -> pl.DataFrame:
        """Columns user_id and the features, as they were committed, of those of `users` who are there, by user id."""
        found = self._rows(self.features.table, {"cutoff": cutoff.key, "bucket": str(bucket)}, ["user_id", *self.features.names])
        return found.filter(pl.col("user_id").is_in(users.implode())).sort("user_id")

    def labels(self, bucket: int, target: Target, cutoff: Cutoff) -> pl.DataFrame:
        """Columns user_id and label of every user of the bucket who was eligible at the cutoff, by user id."""
        partition = {"target": target.name, "cutoff": cutoff.key, "bucket": str(bucket)}
        return self._rows(LABELS_TABLE, partition, ["user_id", "label"]).sort("user_id")

    def _rows(self, table: str, partition: Partition, columns: Sequence[str]) -> pl.DataFrame:
        """A bucket without a row at a cutoff has no file there."""
        version = self.labels_version if table == LABELS_TABLE else self.features_version
        try:
            return pl.DataFrame(self.lake.read(table, partition, columns, version=version))
        except MissingInput:
            types = {"user_id": pl.String, "label": pl.Int8}
            return pl.DataFrame(schema={name: types.get(name, pl.Float64) for name in columns})


def draw(lake: Lake, features: FeatureSet, cutoffs: Sequence[Cutoff], *, users: int, buckets: int, seed: int) -> Sample:
    """About `users` users, all if there are fewer: whole buckets drawn by the seed, or of a single large bucket some.

    Raises MissingInput unless the features were built at all cutoffs from one version of `timelines`, and labels are there.
    """
    made = [lake.metadata(features.table, {"cutoff": cutoff.key}) for cutoff in cutoffs]
    versions = {found.get("timelines_version") for found in made}
    features_version, labels_version = lake.version(features.table), lake.version(LABELS_TABLE)
    if features_version is None or labels_version is None or None in versions or len(versions) > 1:
        raise MissingInput(
            f"Features or labels of the training and evaluation cutoffs are not all there, or not of one age ({features.table})",
            mend="run `nightcast build-features --training --cutoff …` first",
        )
    expected = max(1.0, max(int(found["rows"]) for found in made) / buckets)
    wanted = min(buckets, max(1, ceil(users / expected)))
    chosen = np.random.default_rng(seed).permutation(buckets)[:wanted]
    step = max(1, int(expected * wanted // users)) if wanted == 1 else 1
    version = int(str(versions.pop()))
    return Sample(lake, features, tuple(sorted(chosen.tolist())), step, version, features_version, labels_version)
