"""The columns of windows equal what a plain loop over each user's events says, at every cutoff."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS, Cutoff
from features.eligibility import score_basis
from features.timeline import from_events
from tests.features.literal import CUTOFF, TYPES, Row, table
from tests.properties.shops import CUTOFFS, FEATURES, LOOKBACK, SHOPS, WINDOWS


def visible(shop: list[Row], user: str, cutoff: Cutoff = CUTOFF) -> list[Row]:
    return [row for row in shop if row["user_id"] == user and row["event_time"] < cutoff.micros and row["available_at"] <= cutoff.micros]


def ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


class Past:
    """What a user had shown by a cutoff."""

    def __init__(self, rows: list[Row], cutoff: Cutoff) -> None:
        self.rows, self.cutoff = rows, cutoff

    def within(self, days: int, kind: str) -> list[Row]:
        begins = self.cutoff.micros - days * DAY_MICROS
        return [row for row in self.rows if row["event_time"] >= begins and kind in ("any", row["event_type"])]

    def active_days(self, days: int, kind: str) -> int:
        return len({(self.cutoff.micros - row["event_time"] - 1) // DAY_MICROS for row in self.within(days, kind)})

    def of_kind(self, kind: str) -> dict[str, float]:
        instants = [row["event_time"] for row in self.within(LOOKBACK, kind)]
        found = {f"days_since_{kind}": (self.cutoff.micros - max(instants)) / DAY_MICROS if instants else math.nan}
        for short, long in pairwise(WINDOWS):
            pace = ratio(self.active_days(short, kind) * long, self.active_days(long, kind) * short)
            found[f"pace_{kind}_{short}d_{long}d"] = pace
        return found

    def of_window(self, kind: str, days: int) -> dict[str, float]:
        values = [row["value"] for row in self.within(days, kind) if row["value"] is not None]
        return {
            f"events_{kind}_{days}d": len(self.within(days, kind)),
            f"active_days_{kind}_{days}d": self.active_days(days, kind),
            f"value_sum_{kind}_{days}d": sum(values) / VALUE_SCALE,
            f"value_mean_{kind}_{days}d": ratio(sum(values) / VALUE_SCALE, len(values)),
            f"value_max_{kind}_{days}d": max(values) / VALUE_SCALE if values else math.nan,
        }

    def of_all_types(self, days: int) -> dict[str, float]:
        rows = self.within(days, "any")
        return {
            f"items_{days}d": len({row["item_id"] for row in rows} - {None}),
            f"categories_{days}d": len({row["category"] for row in rows} - {None}),
            f"purchase_per_view_{days}d": ratio(len(self.within(days, "purchase")), len(self.within(days, "view"))),
        }

    def features(self) -> dict[str, float]:
        kinds = ("any", *TYPES)
        parts = [self.of_kind(kind) for kind in kinds] + [self.of_window(kind, days) for kind in kinds for days in WINDOWS]
        return {name: value for part in (*parts, *map(self.of_all_types, WINDOWS)) for name, value in part.items()}


@given(SHOPS)
def test_windows_equal_a_loop(shop: list[Row]) -> None:
    timeline = from_events(table(*shop), TYPES)
    matrix = FEATURES.compute(timeline, CUTOFFS)
    for c, cutoff in enumerate(CUTOFFS):
        for place, user in enumerate(timeline.user_ids):
            found = dict(zip(FEATURES.names, matrix[:, c, place].tolist(), strict=True))
            expected = Past(visible(shop, user, cutoff), cutoff).features()
            assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12, abs=0, nan_ok=True)


@given(SHOPS)
def test_score_basis_equals_a_loop(shop: list[Row]) -> None:
    view = from_events(table(*shop), TYPES).as_of(CUTOFF)
    for user, basis in zip(view.user_ids, score_basis(view), strict=True):
        past = visible(shop, user)
        rich = len(past) >= 5 and len({row["event_time"] // DAY_MICROS for row in past}) >= 2
        assert basis == ("rich" if rich else "thin" if past else "new")
