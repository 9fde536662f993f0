"""Labels and where their users' features are: what a model of aggregates learns from, without the features themselves in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.target import Target
from features.timeline import Ints
from models.classifier import Floats
from models.samples import Samples
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.lake_files import open_parquet

LABELS_TABLE = "labels"


@dataclass(frozen=True)
class StoredRows:
    """Some rows of one row group of a feature file: `rows` (m,) are ascending positions in the group."""

    uri: str
    group: int
    names: tuple[str, ...]
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def matrix(self) -> Floats:
        """(m, F) float64 in the order of `names`, read from the lake with its checksums. Raises MissingInput if the file is gone."""
        try:
            with open_parquet(self.uri) as file:
                stored = file.read_row_group(self.group, columns=list(self.names))
        except FileNotFoundError as error:
            raise MissingInput(f"A file of features is not there any more: {error}", mend="run the stage again") from error
        columns = np.empty((len(self.names), len(self.rows)))
        for column, name in zip(columns, self.names, strict=True):
            np.take(stored[name].to_numpy(), self.rows, out=column)
        return np.ascontiguousarray(columns.T)


def training_set(lake: Lake, features: FeatureSet, target: Target, cutoffs: Sequence[Cutoff]) -> Samples:
    """The samples of these cutoffs; a block is what one row group of features holds of them. The same lake versions give the same bits.

    User ids and labels are read at once, features whenever a block is asked for. A user's number is the place of the id among all.
    Raises MissingInput if a cutoff was not built for this target as it is configured now, or labels and features differ in age.
    """
    ascending = tuple(sorted(set(cutoffs)))
    found = [_joined(lake, features, target, cutoff) for cutoff in ascending]
    rows = pl.concat([frame for frame, _ in found])
    return Samples(
        users=rows["user_id"].rank("dense").cast(pl.Int64).to_numpy() - 1,
        labels=rows["label"].to_numpy(),
        amounts=rows["amount"].to_numpy(),
        cutoff=np.repeat(np.arange(len(ascending), dtype=np.int32), [len(frame) for frame, _ in found]),
        cutoffs=ascending,
        blocks=[block for _, blocks in found for block in blocks],
    )


def definition(target: Target) -> str:
    """The target's question as text: labels that were built for another one are not the ones asked for."""
    return json.dumps(target.question, sort_keys=True)


def _joined(lake: Lake, features: FeatureSet, target: Target, cutoff: Cutoff) -> tuple[pl.DataFrame, list[StoredRows]]:
    """Columns user_id, label, amount, in the order of the features' files, and the blocks with their features."""
    partition = {"target": target.name, "cutoff": cutoff.key}
    recorded = lake.metadata(LABELS_TABLE, partition)
    if recorded.get("definition", definition(target)) != definition(target):
        raise _missing(f"The labels of '{target.name}' at {cutoff} were built for another definition of the target", cutoff)
    try:
        outcomes = _outcomes(lake, partition)
        uris = _feature_files(lake, features, cutoff)
    except MissingInput as error:
        raise _missing(f"Features or labels of '{target.name}' at {cutoff} have not been built ({features.table})", cutoff) from error
    stored = pl.concat([_stored_users(place, uri) for place, uri in enumerate(uris)])
    joined = stored.join(outcomes, on="user_id", how="inner", validate="1:1", maintain_order="left")
    if len(joined) != len(outcomes):
        raise _missing(f"{len(outcomes) - len(joined)} users labelled for '{target.name}' at {cutoff} have no features there", cutoff)
    return joined.select("user_id", "label", "amount"), list(_blocks(joined, uris, features.names))


def _outcomes(lake: Lake, partition: dict[str, str]) -> pl.DataFrame:
    """Columns user_id, label, amount; the latter is NaN where the target knows none."""
    found = pl.DataFrame(lake.read(LABELS_TABLE, partition, ["user_id", "label", "amount"]))
    amount = pl.col("amount").fill_null(float("nan")) if "amount" in found.columns else pl.lit(float("nan")).alias("amount")
    return found.select("user_id", "label", amount)


def _feature_files(lake: Lake, features: FeatureSet, cutoff: Cutoff) -> list[str]:
    """Of the newest version, by ascending bucket. Raises MissingInput if there is none."""
    version = lake.version(features.table)
    files = lake.files(features.table, version=version) if version is not None else {}
    found = [(int(values["bucket"]), uri) for uri, values in files.items() if values["cutoff"] == cutoff.key]
    if not found:
        raise MissingInput(f"Table '{features.table}' has nothing at {cutoff}", mend="run the stage that writes it first")
    return [uri for _, uri in sorted(found)]


def _stored_users(place: int, uri: str) -> pl.DataFrame:
    """Columns user_id, file (its place), group and row (the position in the group), as they are stored."""
    with open_parquet(uri) as file:
        users = pl.DataFrame(file.read(columns=["user_id"]))
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    group = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    row = np.arange(len(group), dtype=np.int64) - np.repeat(np.cumsum([0, *sizes])[: len(sizes)], sizes)
    return users.with_columns(pl.lit(place, pl.Int64).alias("file"), pl.Series("group", group), pl.Series("row", row, pl.Int64))


def _blocks(joined: pl.DataFrame, uris: Sequence[str], names: tuple[str, ...]) -> Iterator[StoredRows]:
    for (file, group), rows in joined.group_by("file", "group", maintain_order=True):
        yield StoredRows(uris[int(str(file))], int(str(group)), names, rows["row"].to_numpy())


def _missing(message: str, cutoff: Cutoff) -> MissingInput:
    return MissingInput(message, mend=f"run `nightcast build-features --training --cutoff …` for a training that uses {cutoff}")
