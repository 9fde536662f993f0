"""The log-odds of many rows by a sum of trees: bit for bit what LightGBM's own `predict` says, several times faster.

LightGBM walks one row at a time and waits for each split's outcome before it knows the next. Here a block of rows goes down a tree
together, without a branch: leaves lead to themselves, so every row takes as many steps as the tree is deep.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np
import numpy.typing as npt
from numba import njit

from features.timeline import Flags, Ints
from models.classifier import Floats
from models.row_threads import over_rows
from models.tree_reading import MOST, Readings, read, readings
from models.tree_text import Tree, trees

Places = npt.NDArray[np.uint32]

BLOCK = 64
"""Rows that go together: their numbers stay in the fastest memory, and there are enough of them to hide a load."""


@dataclass(frozen=True)
class Forest:
    """T trees with N nodes in all, splits and leaves; made by `Forest.of`.

    width       columns of the matrix that `raw` takes
    root, depth (T,) first node of each tree, and steps to its deepest leaf
    reading     (N,) which of `readings` a node looks at
    threshold   (N,) a number above goes to node `next` + 1, others to `next`; +∞ and its own place in a leaf
    value       (N,) log-odds of a leaf, 0 of a split
    """

    width: int
    readings: Readings
    root: Places
    depth: Ints
    reading: Places
    threshold: Floats
    next: Places
    value: Floats

    @classmethod
    def of(cls, booster: lightgbm.Booster) -> Forest:
        """The trees of a booster. Raises ValueError for more than a sum of plain trees, as `tree_text.trees` does."""
        grown = trees(booster)
        seen, chosen = readings(grown)
        lists = _Nodes([], [], [], [], [], [])
        for tree, reading in zip(grown, chosen, strict=True):
            lists.add(tree, reading)
        return cls(
            booster.num_feature(),
            seen,
            root=np.array(lists.root, np.uint32),
            depth=np.array(lists.depth, np.int64),
            reading=np.array(lists.reading, np.uint32),
            threshold=np.array(lists.threshold, np.float64),
            next=np.array(lists.next, np.uint32),
            value=np.array(lists.value, np.float64),
        )

    def raw(self, X: Floats, threads: int = 1) -> Floats:
        """(n,) log-odds of (n, F) X, NaN where undefined: the trees' values added in their order.

        threads  0: as many as there are cores; the answer is the same for any number. Raises ValueError for another number of columns.
        """
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.width:
            raise ValueError(f"The trees read {self.width} columns, got an array of shape {X.shape}")
        seen, out = self.readings, np.zeros(len(X))

        def walk(first: int, behind: int) -> None:
            rows, sums = X[first:behind], out[first:behind]
            nodes = (self.root, self.depth, self.reading, self.threshold, self.next, self.value)
            _walk(rows, seen.column, seen.fill, seen.zeros, *nodes, sums)

        over_rows(walk, len(X), threads)
        return out


@dataclass(frozen=True)
class _Nodes:
    """The arrays of a forest while they grow."""

    root: list[int]
    depth: list[int]
    reading: list[int]
    threshold: list[float]
    next: list[int]
    value: list[float]

    def add(self, tree: Tree, reading: Ints) -> None:
        """Number the nodes of a tree from the root down, so that the two nodes below a split are neighbours."""
        start = len(self.value)
        self.root.append(start)
        below, levels = [0 if len(tree.column) else ~0], [0]
        for place, node in enumerate(below):
            if node < 0:
                self._append(0, np.inf, start + place, float(tree.value[~node]))
                continue
            self._append(int(reading[node]), min(float(tree.threshold[node]), MOST), start + len(below), 0.0)
            below += [int(tree.left[node]), int(tree.right[node])]
            levels += [levels[place] + 1] * 2
        self.depth.append(max(levels))

    def _append(self, reading: int, threshold: float, following: int, value: float) -> None:
        self.reading.append(reading)
        self.threshold.append(threshold)
        self.next.append(following)
        self.value.append(value)


@njit(cache=True, nogil=True)
def _walk(
    X: Floats,
    column: Ints,
    fill: Floats,
    zeros: Flags,
    root: Places,
    depth: Ints,
    reading: Places,
    threshold: Floats,
    following: Places,
    value: Floats,
    out: Floats,
) -> None:
    """Add the values of all trees to out (n,), which is 0."""
    block, node = np.zeros((max(len(column), 1), BLOCK)), np.empty(BLOCK, dtype=np.uint32)
    numbers = block.reshape(-1)
    for first in range(0, len(X), BLOCK):
        rows = min(BLOCK, len(X) - first)
        read(X, first, rows, column, fill, zeros, block)
        for tree in range(len(root)):
            node[:] = root[tree]
            for _ in range(depth[tree]):
                for row in range(BLOCK):
                    # Unsigned: a signed place could be negative, and would be compared with 0 each time.
                    at = node[row]
                    x = numbers[reading[at] * np.uint32(BLOCK) + np.uint32(row)]
                    node[row] = following[at] + np.uint32(x > threshold[at])
            for row in range(rows):
                out[first + row] += value[node[row]]
