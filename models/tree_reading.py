"""What the splits of trees see of a row: the column's number, and another one where it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from features.timeline import Flags, Ints
from models.classifier import Floats
from models.tree_text import MISSING_NONE, MISSING_ZERO, Tree

NEAR_ZERO = float(np.float32(1e-35))
"""LightGBM reads what is this near to 0 as 0."""

MOST = float(np.finfo(np.float64).max)
"""Read for +∞, and the threshold +∞, which parts the missing from all others: so +∞ is above every threshold for them alone."""


class Readings(NamedTuple):
    """S ways of reading a column, so that all that is left to ask at a split is whether the number is above the threshold.

    column  (S,) of the matrix
    fill    (S,) what is read where the number is missing: 0, or −∞ or +∞ to go left or right whatever the threshold
    zeros   (S,) whether zeros are missing, too
    """

    column: Ints
    fill: Floats
    zeros: Flags


def readings(trees: Sequence[Tree]) -> tuple[Readings, list[Ints]]:
    """The readings that the splits of all trees need, each once, and of each tree (m,) which one each split takes."""
    place: dict[tuple[int, float, bool], int] = {}
    chosen = []
    for tree in trees:
        fill = np.where(tree.missing == MISSING_NONE, 0.0, np.where(tree.default_left, -np.inf, np.inf))
        keys = zip(tree.column.tolist(), fill.tolist(), (tree.missing == MISSING_ZERO).tolist(), strict=True)
        chosen.append(np.array([place.setdefault(key, len(place)) for key in keys], dtype=np.int64))
    columns, fills, zeros = zip(*place, strict=True) if place else ((), (), ())
    return Readings(np.array(columns, np.int64), np.array(fills, np.float64), np.array(zeros, np.bool_)), chosen


@njit(cache=True, nogil=True)
def read(X: Floats, first: int, rows: int, readings: Readings, block: Floats) -> None:
    """Write `rows` rows of X (n, F) from `first` on into block (S, B), B >= rows, each as the S readings see it."""
    for row in range(rows):
        for place in range(len(readings.column)):
            block[place, row] = X[first + row, readings.column[place]]
    for place in range(len(readings.column)):
        filled, zero_is_missing = readings.fill[place], readings.zeros[place]
        for row in range(rows):
            x = block[place, row]
            near_zero = abs(x) <= NEAR_ZERO
            missing = np.isnan(x) | (near_zero & zero_is_missing)
            block[place, row] = filled if missing else 0.0 if near_zero else min(x, MOST)
