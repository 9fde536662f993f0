"""From samples to LightGBM's binned matrix, block by block: of the features themselves, two blocks at most are in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np

from features.feature_set import FeatureSet
from features.timeline import Ints
from models import model_features
from models.classifier import Floats
from models.feature_selection import SAMPLE_ROWS
from models.model_features import ModelFeatures
from models.samples import Block, Samples

DRAWN_FROM = 5
"""So many times the rows that decide on the columns are in the blocks they are drawn from: blocks without a drawn row are not read."""


def fitted_features(samples: Samples, columns: FeatureSet, seed: int) -> ModelFeatures:
    """The columns that a model of these samples reads, decided on at most `SAMPLE_ROWS` rows of blocks drawn by the seed."""
    random = np.random.default_rng(seed)
    sizes = np.array([len(block) for block in samples.blocks])
    order = random.permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), DRAWN_FROM * SAMPLE_ROWS)) + 1
    drawn = np.isin(np.repeat(np.arange(len(sizes)), sizes), order[:enough])
    rows = np.flatnonzero(drawn)
    if len(rows) > SAMPLE_ROWS:
        rows = np.sort(random.choice(rows, SAMPLE_ROWS, replace=False))
    return model_features.fit(samples.matrix(rows), columns, seed)


def dataset(
    samples: Samples,
    features: ModelFeatures,
    rows: Ints,
    weights: Floats | None,
    settings: Mapping[str, Any],
    reference: lightgbm.Dataset | None = None,
) -> lightgbm.Dataset:
    """The samples at `rows`, ascending positions, as LightGBM bins them; the same bits as from the whole matrix at once.

    weights (n,) of all samples, None: all 1; settings as for the training; reference: the dataset whose bins are taken over.
    Each block with one of the rows is read twice, for the bounds of the bins and to be binned; with a reference once.
    """
    return lightgbm.Dataset(
        _sequences(samples, features, rows),
        label=samples.labels[rows],
        weight=None if weights is None else weights[rows],
        reference=reference,
        feature_name=list(features.names),
        params=dict(settings),
    ).construct()


class _Shelf:
    """The block that was asked for last."""

    def __init__(self, features: ModelFeatures) -> None:
        self._features = features
        self._block: Block | None = None
        self._matrix: Floats | None = None

    def matrix(self, block: Block) -> Floats:
        if block is not self._block or self._matrix is None:
            self._block, self._matrix = block, None
            self._matrix = self._features.apply(block.matrix())
        return self._matrix


class _Chosen(lightgbm.Sequence):  # type: ignore[misc]
    """The chosen rows (m,) of one block. LightGBM samples single rows in ascending order, then takes all of them in one batch."""

    def __init__(self, block: Block, chosen: Ints, shelf: _Shelf) -> None:
        self._block = block
        self._chosen = chosen
        self._shelf = shelf
        self.batch_size = len(chosen)

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, place: Any) -> Floats:
        matrix: Floats = self._shelf.matrix(self._block)[self._chosen[place]]
        return matrix


def _sequences(samples: Samples, features: ModelFeatures, rows: Ints) -> list[_Chosen]:
    shelf, ends = _Shelf(features), np.cumsum([len(block) for block in samples.blocks])
    found = []
    for block, end in zip(samples.blocks, ends.tolist(), strict=True):
        first, last = np.searchsorted(rows, [end - len(block), end])
        if first < last:
            found.append(_Chosen(block, rows[first:last] - (end - len(block)), shelf))
    return found
