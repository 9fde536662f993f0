"""The columns equal what a plain loop over each user's events says."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS
from features.eligibility import score_basis
from features.timeline import from_events
from tests.features.literal import CUTOFF, TYPES, Row, table
from tests.properties.shops import FEATURES, LOOKBACK, SHOPS, WINDOWS


def visible(shop: list[Row], user: str) -> list[Row]:
    return [row for row in shop if row["user_id"] == user and row["event_time"] < CUTOFF.micros and row["available_at"] <= CUTOFF.micros]


def age(row: Row) -> int:
    return (CUTOFF.micros - row["event_time"] - 1) // DAY_MICROS


def naive(past: list[Row], kind: str, days: int) -> dict[str, float]:
    recent = [row for row in past if row["event_time"] >= CUTOFF.micros - days * DAY_MICROS and kind in ("any", row["event_type"])]
    values = [row["value"] for row in recent if row.get("value") is not None]
    total = sum(values) / VALUE_SCALE
    return {
        f"events_{kind}_{days}d": len(recent),
        f"sessions_{kind}_{days}d": len({row["session_id"] for row in recent} - {None}),
        f"active_days_{kind}_{days}d": len({age(row) for row in recent}),
        f"value_sum_{kind}_{days}d": total,
        f"value_mean_{kind}_{days}d": total / len(values) if values else math.nan,
        f"value_max_{kind}_{days}d": max(values) / VALUE_SCALE if values else math.nan,
    } | ({f"items_{days}d": len({row["item_id"] for row in recent} - {None})} if kind == "any" else {})


def naive_gaps(past: list[Row], kind: str) -> dict[str, float]:
    days = sorted({age(row) for row in past if age(row) < LOOKBACK and kind in ("any", row["event_type"])})
    gaps = [older - newer for newer, older in pairwise(days)]
    if not gaps:
        return {f"gap_mean_{kind}": math.nan, f"gap_deviation_{kind}": math.nan, f"gap_latest_{kind}": math.nan}
    mean = Fraction(sum(gaps), len(gaps))
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    return {f"gap_mean_{kind}": float(mean), f"gap_deviation_{kind}": math.sqrt(variance), f"gap_latest_{kind}": gaps[0]}


@given(SHOPS)
def test_windows_equal_a_loop(shop: list[Row]) -> None:
    view = from_events(table(*shop), TYPES).as_of(CUTOFF)
    matrix = FEATURES.at(view, CUTOFF)
    for place, user in enumerate(view.user_ids):
        found = dict(zip(FEATURES.names, matrix[place].tolist(), strict=True))
        past = visible(shop, user)
        for kind in ("any", *TYPES):
            for expected in (*(naive(past, kind, days) for days in WINDOWS), naive_gaps(past, kind)):
                assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12, nan_ok=True)


@given(SHOPS)
def test_score_basis_equals_a_loop(shop: list[Row]) -> None:
    view = from_events(table(*shop), TYPES).as_of(CUTOFF)
    for user, basis in zip(view.user_ids, score_basis(view), strict=True):
        past = visible(shop, user)
        rich = len(past) >= 5 and len({row["event_time"] // DAY_MICROS for row in past}) >= 2
        assert basis == ("rich" if rich else "thin" if past else "new")
