"""Numbers as text, multiplied and rounded exactly: no float ever holds an amount."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

import pyarrow as pa

from features.contract import VALUE_RANGE, VALUE_SCALE

NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\s*")
LONGEST = 64
"""Characters of a number; a longer one is refused."""

EXACT = Context(prec=2 * LONGEST + 8, rounding=ROUND_HALF_EVEN, Emin=-99_999, Emax=99_999, traps=[])

ONE = "'1'"
"""SQL for the second factor of a value that is no product."""


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
    return int(scaled) if VALUE_RANGE[0] <= scaled <= VALUE_RANGE[1] else None


def amounts(left: pa.Array, right: pa.Array) -> pa.Array:
    """`ten_thousandths` of two text arrays (N,) as int64; null where either text is null, or where the product is None."""
    pairs = zip(left.to_pylist(), right.to_pylist(), strict=True)
    return pa.array([None if a is None or b is None else ten_thousandths(a, b) for a, b in pairs], pa.int64())


def amount(left: str, right: str) -> str:
    """SQL for `ten_thousandths` of two SQL texts, which the session's function of that name works out only where SQL cannot.

    SQL can where the numbers have at most four decimal places, and the product too: then it is a whole number of ten-thousandths.
    """
    if right == ONE:
        quick = _whole(left, digits=9)
    else:
        product = f"{_whole(left, digits=5)} * {_whole(right, digits=5)}"
        quick = f"CASE WHEN {product} % {VALUE_SCALE} = 0 THEN {product} // {VALUE_SCALE} END"
    known = f"{left} IS NOT NULL" if right == ONE else f"{left} IS NOT NULL AND {right} IS NOT NULL"
    return f"CASE WHEN {known} THEN coalesce({quick}, ten_thousandths({left}, {right})) END"


def _whole(text: str, *, digits: int) -> str:
    """SQL for the ten-thousandths of a plain decimal number; null for a text that is none, or has more digits before the point."""
    plain = f"regexp_full_match({text}, '[+-]?[0-9]{{1,{digits}}}([.][0-9]{{0,4}})?')"
    return f"CASE WHEN {plain} THEN CAST(TRY_CAST({text} AS DECIMAL(18, 4)) * {VALUE_SCALE} AS BIGINT) END"
