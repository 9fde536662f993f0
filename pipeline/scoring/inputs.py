"""Which buckets there are at a cutoff, each with the exact versions of what it reads."""

from __future__ import annotations

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.bucket import BucketInputs


def bucket_inputs(config: Config, lake: Lake, cutoff: Cutoff) -> tuple[BucketInputs, ...]:
    """One per bucket with users known at `cutoff`, in the order of the buckets.

    Raises MissingInput if the features at this cutoff have not been built from the configured feature set.
    """
    features = configured_features(config)
    buckets = sorted(int(found["bucket"]) for found in lake.partitions(features.table) if found["cutoff"] == cutoff.key)
    if not buckets:
        raise MissingInput(
            f"The lake has no features at {cutoff} for the configured windows and event types ({features.table})",
            mend=f"run `nightcast build-features --cutoff {cutoff}` first",
        )
    version = lake.version(features.table)
    built_from = lake.metadata(features.table, {"cutoff": cutoff.key}).get("timelines_version")
    if version is None or built_from is None:
        raise MissingInput(
            f"The features at {cutoff} do not say which timelines they were built from",
            mend=f"run `nightcast build-features --cutoff {cutoff}` again",
        )
    return tuple(
        BucketInputs(lake, bucket, cutoff, features.event_types, int(built_from), features.table, version, features.names)
        for bucket in buckets
    )


def known_users(config: Config, lake: Lake, cutoff: Cutoff) -> int:
    """How many users have features at `cutoff`, as their commit recorded; 0 if it did not."""
    return int(lake.metadata(configured_features(config).table, {"cutoff": cutoff.key}).get("rows", 0))
