"""The log-odds of many rows by a sum of trees: bit for bit what LightGBM's own `predict` says, several times faster.

LightGBM walks one row at a time and waits for each split's outcome before it knows the next. Here a block of rows goes down a tree
together, without a branch: leaves lead to themselves, so every row takes as many steps as the tree is deep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
from numba import njit

from features.timeline import Ints
from models.classifier import Floats
from models.row_threads import over_rows
from models.tree_reading import MOST, Readings, read, readings
from models.tree_text import Tree, trees

BLOCK = 64
"""Rows that go together: their numbers stay in the fastest memory, and there are enough of them to hide a load."""

Places = npt.NDArray[np.uint32]


class Nodes(NamedTuple):
    """The N nodes, splits and leaves, of T trees; the two below a split are neighbours.

    root, depth  (T,) first node of each tree, and steps to its deepest leaf
    reading      (N,) which of the readings a split looks at
    threshold    (N,) a number above goes to node `following` + 1, others to `following`; +∞ and its own place in a leaf
    value        (N,) log-odds of a leaf, 0 of a split
    """

    root: Places
    depth: npt.NDArray[np.int64]
    reading: Places
    threshold: Floats
    following: Places
    value: Floats


@dataclass(frozen=True)
class Forest:
    """The trees of one model, ready for many rows; made by `Forest.of`. `width` is the number of columns that `raw` takes."""

    width: int
    readings: Readings
    nodes: Nodes

    @classmethod
    def of(cls, booster: lightgbm.Booster) -> Forest:
        """The trees that the booster's `predict` adds up. Raises ValueError for more than a sum of plain trees (`tree_text.trees`)."""
        grown = trees(booster)
        seen, chosen = readings(grown)
        return cls(booster.num_feature(), seen, _numbered(grown, chosen))

    def raw(self, X: Floats, threads: int = 1) -> Floats:
        """(n,) log-odds of (n, F) X, NaN where undefined: the trees' values added in their order.

        threads  0: as many as there are cores; the answer is the same for any number. Raises ValueError for another number of columns.
        """
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.width:
            raise ValueError(f"The trees read {self.width} columns, got an array of shape {X.shape}")
        out = np.zeros(len(X))
        over_rows(lambda first, behind: _walk(X[first:behind], self.readings, self.nodes, out[first:behind]), len(X), threads)
        return out


def _numbered(grown: Sequence[Tree], chosen: Sequence[Ints]) -> Nodes:
    """Each tree's nodes from its root down, level by level."""
    root, depth = [], []
    rows: list[tuple[int, float, int, float]] = []
    for tree, reading in zip(grown, chosen, strict=True):
        start = len(rows)
        below, level = [0 if len(tree.column) else ~0], [0]
        for place, node in enumerate(below):
            if node < 0:
                rows.append((0, np.inf, start + place, float(tree.value[~node])))
            else:
                rows.append((int(reading[node]), min(float(tree.threshold[node]), MOST), start + len(below), 0.0))
                below += [int(tree.left[node]), int(tree.right[node])]
                level += [level[place] + 1] * 2
        root.append(start)
        depth.append(level[-1])
    reading_, threshold, following, value = zip(*rows, strict=True)
    return Nodes(
        root=np.array(root, np.uint32),
        depth=np.array(depth, np.int64),
        reading=np.array(reading_, np.uint32),
        threshold=np.array(threshold, np.float64),
        following=np.array(following, np.uint32),
        value=np.array(value, np.float64),
    )


@njit(cache=True, nogil=True)
def _walk(X: Floats, readings: Readings, nodes: Nodes, out: Floats) -> None:
    """Add the values of all trees to out (n,)."""
    block, place = np.zeros((max(len(readings.column), 1), BLOCK)), np.empty(BLOCK, dtype=np.uint32)
    numbers = block.reshape(-1)
    for first in range(0, len(X), BLOCK):
        rows = min(BLOCK, len(X) - first)
        read(X, first, rows, readings, block)
        for tree in range(len(nodes.root)):
            place[:] = nodes.root[tree]
            for _ in range(nodes.depth[tree]):
                for row in range(BLOCK):
                    # Unsigned: a signed place might be negative, and would be asked for its sign each time.
                    at = place[row]
                    x = numbers[nodes.reading[at] * np.uint32(BLOCK) + np.uint32(row)]
                    place[row] = nodes.following[at] + np.uint32(x > nodes.threshold[at])
            for row in range(rows):
                out[first + row] += nodes.value[place[row]]
