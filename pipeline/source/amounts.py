"""Numbers as text, multiplied and rounded exactly: no float ever holds an amount."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

import pyarrow as pa

from features.contract import VALUE_SCALE

NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\s*")
LONGEST = 64
"""Characters of a number; a longer one is refused."""

EXACT = Context(prec=2 * LONGEST + 8, rounding=ROUND_HALF_EVEN, Emin=-99_999, Emax=99_999, traps=[])
LIMIT = 2**63


@lru_cache(maxsize=65_536)
def ten_thousandths(left: str, right: str) -> int | None:
    """The product of two decimal numbers in units of 1/`VALUE_SCALE`, rounded half to even; exact before rounding.

    None if either is no finite decimal number (`1.5`, `-.5`, `2e-3`), is longer than 64 characters, or the product does not fit
    64 bits.
    """
    if len(left) > LONGEST or len(right) > LONGEST or not (NUMBER.fullmatch(left) and NUMBER.fullmatch(right)):
        return None
    product = EXACT.multiply(EXACT.multiply(Decimal(left.strip()), Decimal(right.strip())), Decimal(VALUE_SCALE))
    scaled = EXACT.to_integral_value(product)
    return int(scaled) if -LIMIT <= scaled < LIMIT else None


def amounts(left: pa.Array, right: pa.Array) -> pa.Array:
    """`ten_thousandths` of two text arrays (N,) as int64; null where either text is null, or where the product is None."""
    pairs = zip(left.to_pylist(), right.to_pylist(), strict=True)
    return pa.array([None if a is None or b is None else ten_thousandths(a, b) for a, b in pairs], pa.int64())
