"""Features and labels joined by user: what the models learn from, and what they are judged on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from features.cutoff import Cutoff
from features.feature_set import FeatureSet, Floats
from features.labels import Labels
from features.target import Target
from features.timeline import Codes
from pipeline.errors import MissingInput
from pipeline.lake import Lake

LABELS_TABLE = "labels"


@dataclass(frozen=True)
class TrainingSet:
    """n rows, one per eligible user and cutoff, ordered by cutoff, then user id.

    user_ids  object (n,)
    features  float64 (n, F), columns as in the feature set, NaN where undefined
    labels    int8 (n,)
    cutoff    int32 (n,), position in `cutoffs`
    bucket    int32 (n,), the user's bucket: where the user's timeline is
    cutoffs   ascending; one without an eligible user has no rows
    """

    user_ids: npt.NDArray[np.object_]
    features: Floats
    labels: Labels
    cutoff: Codes
    bucket: Codes
    cutoffs: tuple[Cutoff, ...]


def training_set(lake: Lake, features: FeatureSet, target: Target, cutoffs: Sequence[Cutoff]) -> TrainingSet:
    """The rows of these cutoffs. The same lake versions give the same bits.

    Raises MissingInput if a cutoff was not built for this target as it is configured now, or labels and features differ in age.
    """
    ascending = tuple(sorted(set(cutoffs)))
    frames = [_joined(lake, features, target, cutoff) for cutoff in ascending]
    sizes = [len(frame) for frame in frames]
    rows = pl.concat(frames)
    return TrainingSet(
        user_ids=rows["user_id"].to_numpy().astype(object),
        features=np.ascontiguousarray(rows.select(features.names).to_numpy()),
        labels=rows["label"].to_numpy(),
        cutoff=np.repeat(np.arange(len(ascending), dtype=np.int32), sizes),
        bucket=rows["bucket"].to_numpy(),
        cutoffs=ascending,
    )


def definition(target: Target) -> str:
    """The target's question as text: labels that were built for another one are not the ones asked for."""
    return json.dumps(asdict(target), sort_keys=True)


def _joined(lake: Lake, features: FeatureSet, target: Target, cutoff: Cutoff) -> pl.DataFrame:
    partition = {"target": target.name, "cutoff": cutoff.key}
    recorded = lake.metadata(LABELS_TABLE, partition)
    if recorded.get("definition", definition(target)) != definition(target):
        raise _missing(f"The labels of '{target.name}' at {cutoff} were built for another definition of the target", cutoff)
    try:
        outcomes = pl.DataFrame(lake.read(LABELS_TABLE, partition, ["user_id", "label", "bucket"]))
        known = pl.DataFrame(lake.read(features.table, {"cutoff": cutoff.key}, ["user_id", *features.names]))
    except MissingInput as error:
        raise _missing(f"Features or labels of '{target.name}' at {cutoff} have not been built ({features.table})", cutoff) from error
    joined = outcomes.join(known, on="user_id", how="inner", validate="1:1").sort("user_id")
    if len(joined) != len(outcomes):
        raise _missing(f"{len(outcomes) - len(joined)} users labelled for '{target.name}' at {cutoff} have no features there", cutoff)
    return joined


def _missing(message: str, cutoff: Cutoff) -> MissingInput:
    return MissingInput(message, mend=f"run `nightcast build-features --training --cutoff …` for a training that uses {cutoff}")
