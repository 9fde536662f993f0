from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.source.amounts import LIMIT, amounts, ten_thousandths


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("6", "2.55", 153_000),
        ("-2", "27.5", -550_000),
        ("0.1", "3", 3_000),
        ("0.00005", "1", 0),
        ("0.00015", "1", 2),
        ("0.00025", "1", 2),
        ("0.0000500000000000000000000000001", "1", 1),
        ("-0.00005", "1", 0),
        ("1e-07", "1e3", 1),
        (" .5", "+2.", 10_000),
        ("922337203685477.5807", "1", LIMIT - 1),
        ("922337203685477.5808", "1", None),
        ("-922337203685477.5808", "1", -LIMIT),
        ("1e400", "1", None),
        ("1e9999", "1e-9999", 10_000),
        ("1e9999", "1e9999", None),
        ("nan", "1", None),
        ("inf", "1", None),
        ("1_000", "1", None),
        ("1,5", "1", None),
        ("٣", "1", None),
        ("", "1", None),
        ("=cmd()", "1", None),
        ("1" * 65, "1", None),
    ],
)
def test_products_are_exact_and_rounded_half_to_even(left: str, right: str, expected: int | None) -> None:
    assert ten_thousandths(left, right) == expected


@given(
    st.decimals(-(10**9), 10**9, places=6, allow_nan=False, allow_infinity=False),
    st.decimals(-(10**4), 10**4, places=9, allow_nan=False, allow_infinity=False),
)
def test_it_is_the_rounded_fraction(left: Decimal, right: Decimal) -> None:
    assert ten_thousandths(f"{left:f}", f"{right:f}") == round(Fraction(left) * Fraction(right) * 10_000)


def test_null_where_either_is_null() -> None:
    found = amounts(pa.array(["2", None, "2", "x"]), pa.array(["3", "3", None, "3"]))
    assert found.to_pylist() == [60_000, None, None, None]
    assert found.type == pa.int64()
