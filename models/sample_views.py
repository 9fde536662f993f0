"""Fewer rows of the same samples; what is left out is not read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.timeline import Ints
from models import folds
from models.classifier import Floats
from models.samples import Block, Samples


def until(samples: Samples, last: int) -> Samples:
    """The rows of the cutoffs up to position `last`. Blocks of later ones are not among its blocks."""
    rows = int(np.searchsorted(samples.cutoff, last, side="right"))
    ends = np.cumsum([len(block) for block in samples.blocks], dtype=np.int64)
    return replace(
        samples,
        users=samples.users[:rows],
        labels=samples.labels[:rows],
        amounts=samples.amounts[:rows],
        cutoff=samples.cutoff[:rows],
        cutoffs=samples.cutoffs[: last + 1],
        blocks=[block for block, end in zip(samples.blocks, ends.tolist(), strict=True) if end <= rows],
    )


def drawn(samples: Samples, most_rows: int, seed: int) -> Samples:
    """All rows of users drawn by the seed, about `most_rows` of them; the samples themselves if there are no more."""
    parts = -(-len(samples.labels) // most_rows)
    if parts <= 1:
        return samples
    rows = np.flatnonzero(folds.assign(samples.users, parts, seed) == 0)
    return replace(
        samples,
        users=samples.users[rows],
        labels=samples.labels[rows],
        amounts=samples.amounts[rows],
        cutoff=samples.cutoff[rows],
        blocks=[_Chosen(block, within) for block, within in samples.pieces(rows)],
    )


@dataclass(frozen=True)
class _Chosen:
    block: Block
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def matrix(self) -> Floats:
        chosen: Floats = self.block.matrix()[self.rows]
        return chosen
