from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import VALUE_RANGE
from pipeline.source.amounts import ONE, amount, amounts, ten_thousandths
from pipeline.source.session import open_session


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
        ("922337203685477.5807", "1", VALUE_RANGE[1]),
        ("922337203685477.5808", "1", None),
        ("-922337203685477.5808", "1", VALUE_RANGE[0]),
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


DIGITS = st.text("0123456789", max_size=16)
PLAIN = st.builds(
    "".join, st.tuples(st.sampled_from(["", "-", "+"]), DIGITS, st.sampled_from(["", "."]), st.text("0123456789", max_size=6))
)
NUMBERS = st.one_of(
    PLAIN,
    st.text("0123456789.+-eE_, x\0٣", max_size=12),
    st.sampled_from(
        ["922337203685477.5807", "-922337203685477.5808", "922337203685477.5808", "99999.9999", "0.0001", "1e15", "inf", "nan", ""]
    ),
    st.none(),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=40))
def test_sql_finds_what_the_exact_function_finds(tmp_path: Path, pairs: list[tuple[str | None, str | None]]) -> None:
    def exact(left: str | None, right: str | None) -> int | None:
        return None if left is None or right is None else ten_thousandths(left, right)

    table = pa.table(
        {"n": range(len(pairs)), "l": pa.array([a for a, _ in pairs], pa.string()), "r": pa.array([b for _, b in pairs], pa.string())}
    )
    with open_session(tmp_path, "UTC") as session:
        session.register("pairs", table)
        found = session.execute(f"SELECT {amount('l', 'r')}, {amount('l', ONE)} FROM pairs ORDER BY n").fetchall()
    assert found == [(exact(left, right), exact(left, "1")) for left, right in pairs]
