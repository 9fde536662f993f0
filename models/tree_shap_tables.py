"""Tables of contributions: what a part of a tree adds to each column, for every way a row can answer its questions.

Below a split, the rows differ only in the answers to a few questions: whether each column above agrees with the way down to it, and which
way each split below goes. B such answers are a number below 2^B, and the Shapley values of all leaves below are looked up by it.
Source: Nadel & Wettenstein 2025, "From Decision Trees to Boolean Logic: A Fast and Unified SHAP Algorithm" (WOODELF), where each leaf, or
pair of leaves, has a table of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from features.timeline import Ints
from models.classifier import Floats
from models.tree_text import Tree

BITS = 7
"""A part of a tree asks at most so many questions, unless it is a single leaf: larger tables would not stay in the fast memory."""

Step = tuple[int, bool]
"""A split, and whether the way goes on to its right."""


@dataclass(frozen=True)
class Part:
    """The leaves below one node of a tree.

    questions  B of them, each the splits that must go the given way for a yes
    columns    (k,) which the leaves' values depend on
    table      (k, 2^B) contribution to each column by the answers, question b being bit b
    """

    questions: list[list[Step]]
    columns: list[int]
    table: Floats


@dataclass
class _Player:
    """A column on the way to a leaf.

    place          its row in the table
    share          of the training rows, those that agree with the way at all of its splits
    asked, wanted  bits of the questions about it, and their answers where a row agrees
    """

    place: int
    share: float = 1.0
    asked: int = 0
    wanted: int = 0


def parts(tree: Tree) -> Iterator[Part]:
    """The parts of a tree, together all its leaves, each as large as `BITS` allows."""
    waiting: list[tuple[int, list[Step]]] = [(0 if len(tree.column) else ~0, [])]
    while waiting:
        node, way = waiting.pop()
        inner = _splits_below(tree, node)
        if node < 0 or len({tree.column[split] for split, _ in way}) + len(inner) <= BITS:
            yield _part(tree, node, way, inner)
        else:
            waiting += [(int(tree.right[node]), [*way, (node, True)]), (int(tree.left[node]), [*way, (node, False)])]


def _splits_below(tree: Tree, node: int) -> list[int]:
    """The split at `node` and those below it."""
    found = [node] if node >= 0 else []
    for split in found:
        found += [int(child) for child in (tree.left[split], tree.right[split]) if child >= 0]
    return found


def _part(tree: Tree, node: int, way: list[Step], inner: list[int]) -> Part:
    above: dict[int, list[Step]] = {}
    for step in way:
        above.setdefault(int(tree.column[step[0]]), []).append(step)
    asked_of_column = {column: 1 << bit for bit, column in enumerate(above)}
    asked_of_split = {split: 1 << bit for bit, split in enumerate(inner, len(above))}
    columns = sorted(above.keys() | {int(tree.column[split]) for split in inner})
    table = np.zeros((len(columns), 1 << (len(above) + len(inner))))
    for leaf, down in _leaves(tree, node):
        players: dict[int, _Player] = {}
        for split, right in (*way, *down):
            column = int(tree.column[split])
            player = players.setdefault(column, _Player(columns.index(column)))
            player.share *= _share(tree, split, right)
            player.asked |= asked_of_split[split] if split in asked_of_split else asked_of_column[column]
            player.wanted |= asked_of_split[split] * right if split in asked_of_split else asked_of_column[column]
        if players:
            numbers = np.array([(player.place, player.asked, player.wanted) for player in players.values()], dtype=np.int64)
            _add_leaf(table, numbers, np.array([player.share for player in players.values()]), tree.value[leaf])
    return Part([*above.values(), *([(split, True)] for split in inner)], columns, table)


def _leaves(tree: Tree, node: int) -> Iterator[tuple[int, list[Step]]]:
    """Each leaf below a node, with the way from the node to it."""
    waiting: list[tuple[int, list[Step]]] = [(node, [])]
    while waiting:
        at, down = waiting.pop()
        if at < 0:
            yield ~at, down
        else:
            waiting += [(int(tree.right[at]), [*down, (at, True)]), (int(tree.left[at]), [*down, (at, False)])]


def _share(tree: Tree, split: int, right: bool) -> float:
    """The share of a split's training rows that went that way."""
    child = int(tree.right[split] if right else tree.left[split])
    return float((tree.split_rows[child] if child >= 0 else tree.leaf_rows[~child]) / tree.split_rows[split])


@njit(cache=True, nogil=True)
def _add_leaf(table: Floats, players: Ints, shares: Floats, value: float) -> None:
    """Add the Shapley values of a leaf's m columns to the table, for all answers; players (m, 3): place, asked and wanted of each.

    A coalition's value is the leaf's, if all its columns agree with the way to the leaf, times the shares of the columns outside of it.
    Of column i it is value (agrees − share) Σ_k k! (m − 1 − k)! / m! c_k, where c_k are the coefficients of the polynomial
    Π (share_j + y agrees_j) over the others: coalitions of k.
    """
    m = len(players)
    weights, agrees, coefficients = np.empty(m), np.empty(m), np.empty(m)
    weights[0] = 1 / m
    for k in range(1, m):
        weights[k] = weights[k - 1] * k / (m - k)
    for answers in range(table.shape[1]):
        for j in range(m):
            agrees[j] = 1.0 if answers & players[j, 1] == players[j, 2] else 0.0
        for i in range(m):
            coefficients[:] = 0
            coefficients[0] = 1
            for j in range(m):
                if j != i:
                    for k in range(m - 1, 0, -1):
                        coefficients[k] = coefficients[k] * shares[j] + coefficients[k - 1] * agrees[j]
                    coefficients[0] *= shares[j]
            table[players[i, 0], answers] += value * (agrees[i] - shares[i]) * (coefficients * weights).sum()
