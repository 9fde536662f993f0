"""Which columns of a feature matrix tell nothing that an earlier one does not: found on the training rows, without their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from features.timeline import Flags
from models.classifier import Floats

SAMPLE_ROWS = 100_000
"""So many rows decide. A column that is constant on them differs on too few others to carry a leaf of a tree."""

BLOCK_ROWS = 8_192

SAME = 0.9999
"""From this |correlation| on, of values and of ranks, two columns are one. A tree sees ranks alone, but in a column of mostly zeros they
hide how the few other values differ; the values' correlation, for its part, hides small values behind large ones. Both must agree."""


def sampled(X: Floats, seed: int) -> Floats:
    """At most `SAMPLE_ROWS` rows of (n, F), chosen by the seed, in their order."""
    if len(X) <= SAMPLE_ROWS:
        return X
    return X[np.sort(np.random.default_rng(seed).choice(len(X), SAMPLE_ROWS, replace=False))]


def redundant(X: Floats, names: Sequence[str]) -> dict[str, str]:
    """Name → reason of each column to drop, in the order of the columns.

    X (n, F) float64 without infinities, NaN = undefined; names (F,). Dropped are columns of one value, undefined counting as a value;
    those equal to an earlier column bit by bit; and of those undefined for the same rows as an earlier column that is kept, the ones that
    move with it, correlated by `SAME` or more in values and in ranks, up or down, or have one value otherwise. The earlier column stays.
    No rows: every column is constant.
    """
    columns = np.ascontiguousarray(X.T)
    undefined = np.isnan(columns)
    dropped: dict[str, str] = {}
    first: dict[str, str] = {}
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        if constant := _constant(columns[position], undefined[position]):
            dropped[name] = constant
        elif (twin := first.setdefault(_digest(columns[position]), name)) != name:
            dropped[name] = f"the same as {twin}"
        else:
            groups.setdefault(_digest(undefined[position]), []).append(position)
    for group in groups.values():
        defined = columns[np.ix_(np.array(group), ~undefined[group[0]])]
        dropped |= _moving_together(defined, [names[position] for position in group])
    return {name: dropped[name] for name in names if name in dropped}


def _constant(column: Floats, undefined: Flags) -> str:
    """The reason why a column is constant; empty if it is not."""
    if undefined.all():
        return "undefined for everyone"
    return f"{column[0] + 0.0:g} for everyone" if (column == column[0]).all() else ""


def _digest(column: Floats | Flags) -> str:
    return hashlib.blake2b(column.tobytes(), digest_size=16).hexdigest()


def _moving_together(columns: Floats, names: Sequence[str]) -> dict[str, str]:
    """The reasons of those of g columns (g, m), without NaN, that move with an earlier one."""
    correlation = _correlations(columns)
    ranks: dict[int, Floats] = {}
    kept: list[int] = []
    dropped: dict[str, str] = {}
    for place, name in enumerate(names):
        if kept and not correlation[place, place]:
            dropped[name] = f"one value wherever {names[kept[0]]} is defined"
            continue
        for earlier in (other for other in kept if abs(correlation[other, place]) >= SAME):
            for each in {earlier, place} - ranks.keys():
                ranks[each] = _unit_ranks(columns[each])
            agreement = float(ranks[earlier] @ ranks[place])
            if abs(agreement) >= SAME:
                least = min(correlation[earlier, place], agreement, key=abs)
                dropped[name] = f"moves with {names[earlier]} (correlation {least:.5f})"
                break
        else:
            kept.append(place)
    return dropped


def _correlations(columns: Floats) -> Floats:
    """(g, g) Pearson correlations of (g, m) columns; 0 for one without spread.

    Each column is first moved and stretched into [0, 1], so that no sum of squares overflows.
    """
    lowest = columns.min(axis=1, keepdims=True)
    reach = columns.max(axis=1, keepdims=True) - lowest
    reach[reach == 0] = 1
    centre = (columns.mean(axis=1, keepdims=True) - lowest) / reach
    product = np.zeros((len(columns), len(columns)))
    for start in range(0, columns.shape[1], BLOCK_ROWS):
        block = (columns[:, start : start + BLOCK_ROWS] - lowest) / reach - centre
        product += block @ block.T
    spread = np.sqrt(np.diag(product))
    spread[(columns == columns[:, :1]).all(axis=1)] = np.inf
    correlation: Floats = product / spread[:, None] / spread
    return correlation


def _unit_ranks(column: Floats) -> Floats:
    """(m,) ranks, ties sharing their mean, centred and of length 1: the product of two such is Spearman's correlation."""
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    ranks -= ranks.mean()
    unit: Floats = ranks / np.sqrt(ranks @ ranks)
    return unit
