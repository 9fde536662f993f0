"""From samples to LightGBM's binned matrix, block by block: of the features themselves, a sample and one block are in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

DRAWN_FROM = 3
"""So many times the rows of a sample are in the blocks that it is drawn from: blocks without a drawn row are not read."""


def fitted_features(samples: Samples, columns: FeatureSet, seed: int) -> ModelFeatures:
    """The columns that a model of these samples reads, decided on at most `SAMPLE_ROWS` rows drawn by the seed."""
    return model_features.fit(samples.matrix(_drawn(samples, np.arange(len(samples.labels)), SAMPLE_ROWS, seed)), columns, seed)


def dataset(
    samples: Samples,
    features: ModelFeatures,
    rows: Ints,
    weights: Floats | None,
    settings: Mapping[str, Any],
    reference: lightgbm.Dataset | None = None,
) -> lightgbm.Dataset:
    """The samples at `rows`, ascending positions, as LightGBM bins them.

    weights (n,) of all samples, None: all 1; settings as for the training; reference: the dataset whose bins are taken over.
    Without a reference `settings["bin_construct_sample_cnt"]` of the rows bound the bins; of so many rows or fewer all do, and the result
    is that of the whole matrix at once, bit by bit. Apart from the sample, each block with one of the rows is read once.
    """
    bounding = np.empty((0, len(features.names)))
    if reference is None:
        drawn = _drawn(samples, rows, settings["bin_construct_sample_cnt"], settings["data_random_seed"])
        bounding = features.apply(samples.matrix(drawn))
    return lightgbm.Dataset(
        _sequences(samples, features, rows, iter(bounding)),
        label=samples.labels[rows],
        weight=None if weights is None else weights[rows],
        reference=reference,
        feature_name=list(features.names),
        params=dict(settings),
    ).construct()


class _Chosen(lightgbm.Sequence):  # type: ignore[misc]
    """The chosen rows (m,) of one block.

    LightGBM asks for single rows, in ascending order, to bound the bins: as many as were drawn, but of every block. To each such question
    the next drawn row is the answer, or every block would be read for a few of its rows. Then it takes all rows in one batch.
    """

    def __init__(self, block: Block, chosen: Ints, features: ModelFeatures, bounding: Iterator[Floats]) -> None:
        self._block = block
        self._chosen = chosen
        self._features = features
        self._bounding = bounding
        self.batch_size = len(chosen)

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, place: Any) -> Floats:
        if isinstance(place, slice):
            return self._features.apply(self._block.matrix()[self._chosen[place]])
        return next(self._bounding)


def _sequences(samples: Samples, features: ModelFeatures, rows: Ints, bounding: Iterator[Floats]) -> list[_Chosen]:
    return [_Chosen(block, within, features, bounding) for block, within in samples.pieces(rows)]


def _drawn(samples: Samples, rows: Ints, most: int, seed: int) -> Ints:
    """All of `rows`, or `most` of them, ascending, from blocks drawn by the seed."""
    if len(rows) <= most:
        return rows
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(samples.blocks)), [len(block) for block in samples.blocks])[rows]
    order = random.permutation(len(samples.blocks))
    enough = np.searchsorted(np.cumsum(np.bincount(owner, minlength=len(order))[order]), DRAWN_FROM * most) + 1
    within = rows[np.isin(owner, order[:enough])]
    return np.sort(random.choice(within, most, replace=False))
