"""Which rows belong to which group of the users: by a text, or by the band that a number lies in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.timeline import Ints
from models.classifier import Floats
from pipeline.evaluation.groups import UNKNOWN

Column = npt.NDArray[np.object_ | np.float64]

MOST_GROUPS = 20
"""Of a column; the users of all others are one group, `OTHER`."""
OTHER = "(other)"
FROM_SOURCE = frozenset({"segment", "category"})
"""Columns whose texts the source wrote: a text that few users share might name one of them."""
LEAST_NAMED = 10
"""Users without whom such a text is named nowhere."""

MOST_DIGITS = 17
"""Significant ones that tell any two numbers apart."""
MOVED = 0.02
"""Share of the users that may end up on the other side of an edge for the sake of fewer digits."""


@dataclass(frozen=True)
class Part:
    """The users of one group: `rows` (m,) are their places, ascending, at least one."""

    column: str
    value: str
    rows: Ints


def parts(groups: Mapping[str, Column], bands: Mapping[str, Sequence[float]]) -> list[Part]:
    """All users once per column, in groups; the parts of a column stand next to each other.

    groups  column → (n,) objects of str, None where unknown, or float64, NaN where unknown
    bands   column of numbers → edges in ascending order, of [−∞, e₀) [e₀, e₁) … [eₖ, ∞), as in `7 ≤ x < 30`. Without edges the users are
            cut into thirds at round numbers, or nearly; users of equal value stay together, so there may be fewer bands, and unequal ones

    Texts come by number of users, the alphabet breaking ties: `MOST_GROUPS` of them, then the rest as `OTHER`. Of a column in
    `FROM_SOURCE` those of fewer than `LEAST_NAMED` users are part of the rest. Bands ascend. Users without
    a value are `UNKNOWN` and come last. A group without users is no part. Raises ValueError for edges of a column that holds texts.
    """
    found = []
    for column, values in groups.items():
        if values.dtype != object:
            named = _banded(values.astype(np.float64, copy=False), bands.get(column))
        elif column in bands:
            raise ValueError(f"Column '{column}' holds texts; edges {list(bands[column])} are for numbers")
        else:
            named = _texts(values, LEAST_NAMED if column in FROM_SOURCE else 1)
        found += [Part(column, name, rows) for name, rows in named if len(rows)]
    return found


def _texts(values: Column, least: int) -> Iterator[tuple[str, Ints]]:
    coded = pc.fill_null(pa.array(values, pa.string(), from_pandas=True), UNKNOWN).dictionary_encode()
    codes, names = coded.indices.to_numpy(), np.array(coded.dictionary.to_pylist(), dtype=object)
    counts = np.bincount(codes, minlength=len(names))
    known = [code for code, name in enumerate(names) if name not in (OTHER, UNKNOWN) and counts[code] >= least]
    ranked = sorted(known, key=lambda code: (-counts[code], names[code]))[:MOST_GROUPS]
    for code in ranked:
        yield names[code], np.flatnonzero(codes == code)
    rest = np.isin(names, names[ranked]) | (names == UNKNOWN)
    yield OTHER, np.flatnonzero(~rest[codes])
    yield UNKNOWN, np.flatnonzero((names == UNKNOWN)[codes])


def _banded(values: Floats, given: Sequence[float] | None) -> Iterator[tuple[str, Ints]]:
    known = ~np.isnan(values)
    edges = _thirds(values[known]) if given is None else list(given)
    band = np.searchsorted(edges, values, side="right")
    for place, name in enumerate(_names(edges)):
        yield name, np.flatnonzero(known & (band == place))
    yield UNKNOWN, np.flatnonzero(~known)


def _thirds(values: Floats) -> list[float]:
    """Edges that leave a third of the values, or at least the lowest one, below each."""
    ordered = np.sort(values)
    edges = set()
    for third in (1, 2):
        place = max(len(ordered) * third // 3, int((values == ordered[:1]).sum()))
        if place < len(ordered):
            edges.add(_short(float(ordered[place]), ordered))
    return sorted(edges)


def _short(edge: float, ordered: Floats) -> float:
    """The number of fewest digits that parts the values about where `edge`, which is one of them, does."""
    below, most = np.searchsorted(ordered, edge), MOVED * len(ordered)
    rounded = (float(f"{edge:.{digits}g}") for digits in range(1, MOST_DIGITS))
    near = (short for short in rounded if ordered[0] < short <= ordered[-1] and abs(np.searchsorted(ordered, short) - below) <= most)
    return next(near, edge)


def _names(edges: Sequence[float]) -> list[str]:
    if not edges:
        return ["all values"]
    told = [repr(edge).removesuffix(".0") for edge in map(float, edges)]
    between = [f"{low} ≤ x < {high}" for low, high in pairwise(told)]
    return [f"x < {told[0]}", *between, f"x ≥ {told[-1]}"]
