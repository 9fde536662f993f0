"""One column of the feature matrix: what it is called, what it counts in, and how a person reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """`sentence` is a reason in plain words with `{value}` where the number goes; `unit` is what the number counts.

    levels  names of the codes 0, 1, …, where the values are codes of a category and no numbers
    """

    name: str
    unit: str
    sentence: str
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A feature with its values, (C, U) for C cutoffs and U users: whole numbers, or float64 with NaN where it is undefined."""

    feature: Feature
    values: Floats | npt.NDArray[np.int64] | npt.NDArray[np.int32]


Columns = Iterator[Column]
"""What a feature family yields, always in the same order."""


def theme(name: str) -> str:
    """What a feature is about, whatever its window or level: `events_purchase` of `events_purchase_30d`, `pace_any` of `pace_any_7d_30d`.

    Features of one theme move together, so their effects make sense only as one.
    """
    return re.sub(r"(?<=_category)_is_.*$|(_\d+d)+$", "", name)


def within(days: int) -> str:
    """How a person names a window that ends at the cutoff."""
    return "in the last day" if days == 1 else f"in the last {days} days"


def ratio(numerator: npt.NDArray[np.int64] | Floats, denominator: npt.NDArray[np.int64] | Floats) -> Floats:
    """Numerator ÷ denominator, of one shape; NaN where the denominator is 0 or undefined."""
    defined = np.nan_to_num(denominator) != 0
    quotient: Floats = np.full(defined.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=defined)
    return quotient
