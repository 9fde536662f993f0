"""What a model of aggregates learns from: one row per eligible user and cutoff, its features read block by block when they are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from features.cutoff import Cutoff
from features.timeline import Codes, Ints
from models.classifier import Floats, Labels


class Block(Protocol):
    """Some consecutive rows; nothing is kept in memory between two calls of `matrix`."""

    def __len__(self) -> int:
        """Rows."""

    def matrix(self) -> Floats:
        """(m, F) float64, columns as in the feature set, NaN = undefined. Every call gives the same bits."""


@dataclass(frozen=True)
class Samples:
    """n rows of one target, ordered by cutoff, then bucket, then user id.

    users    (n,) int64, equal for rows of one user
    labels   (n,) int8
    amounts  (n,) float64, the value of a `sum` target; NaN for other kinds
    cutoff   (n,) int32, position in `cutoffs`
    cutoffs  ascending; one without an eligible user has no rows
    blocks   the rows' features, in the rows' order; a block holds rows of one cutoff
    """

    users: Ints
    labels: Labels
    amounts: Floats
    cutoff: Codes
    cutoffs: tuple[Cutoff, ...]
    blocks: Sequence[Block]

    def matrix(self, rows: Ints) -> Floats:
        """(len(rows), F) features of the rows at these positions, ascending; blocks without one are not read."""
        return np.concatenate([block.matrix()[within] for block, within in self.pieces(rows)])

    def pieces(self, rows: Ints) -> Iterator[tuple[Block, Ints]]:
        """Each block that holds some of the rows at these positions, ascending, with their positions in it."""
        start = 0
        for block in self.blocks:
            first, last = np.searchsorted(rows, [start, start + len(block)])
            if first < last:
                yield block, rows[first:last] - start
            start += len(block)


@dataclass(frozen=True)
class InMemory:
    """A block whose rows are there already."""

    rows: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def matrix(self) -> Floats:
        """The rows."""
        return self.rows
