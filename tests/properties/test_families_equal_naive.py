"""Sessions, gaps, calendar, affinity and lifetime equal what a plain loop over each user's events says, at every cutoff."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS, EPOCH, Cutoff
from features.definition import Definition
from features.feature_set import feature_set
from features.timeline import SORT_KEY, from_events
from tests.features.literal import TYPES, Row, table
from tests.properties.shops import CUTOFFS, LOOKBACK, SHOPS, WINDOWS

Found = dict[str, float]
Naming = Callable[[list[Row]], list[str | None]]
"""The session of each event."""
MINUTE = 60 * 10**6
PAUSE = 12 * 60
"""Minutes; long, because the shops' events are."""
KINDS = ("any", *TYPES)
CODES = {"d": 0, "never": 1}


def ratio(numerator: float, denominator: float) -> float:
    return float(Fraction(numerator) / Fraction(denominator)) if denominator else math.nan


def past(shop: list[Row], user: str, cutoff: Cutoff) -> list[Row]:
    """What the user had shown by the cutoff, in order."""
    rows = [row for row in shop if row["user_id"] == user and row["event_time"] < cutoff.micros and row["available_at"] <= cutoff.micros]
    return sorted(rows, key=lambda row: tuple(row[column] for column in SORT_KEY))


def within(rows: list[Row], cutoff: Cutoff, days: int, kind: str = "any") -> list[Row]:
    return [row for row in rows if row["event_time"] >= cutoff.micros - days * DAY_MICROS and kind in ("any", row["event_type"])]


def days_ago(rows: list[Row], cutoff: Cutoff) -> list[int]:
    """Active days, the latest first: 0 is the day that ends with the cutoff."""
    return sorted({(cutoff.micros - 1 - row["event_time"]) // DAY_MICROS for row in rows})


def value(rows: list[Row]) -> int:
    return sum(row["value"] or 0 for row in rows)


def given_ids(rows: list[Row]) -> list[str | None]:
    return [row["session_id"] for row in rows]


def pauses(rows: list[Row]) -> list[str | None]:
    number = 0
    names: list[str | None] = []
    for before, row in zip([None, *rows], rows, strict=False):
        number += before is not None and row["event_time"] - before["event_time"] > PAUSE * MINUTE
        names.append(str(number))
    return names


def naive_sessions(rows: list[Row], cutoff: Cutoff, naming: Naming) -> Found:
    recent = [(row, name) for row, name in zip(rows, naming(rows), strict=True) if row in within(rows, cutoff, LOOKBACK) and name]
    found: Found = {}
    for kind in KINDS:
        for days in WINDOWS:
            met = within([row for row, _ in recent], cutoff, days, kind)
            found[f"sessions_{kind}_{days}d"] = len({name for row, name in recent if row in met})
    each: dict[str, list[Row]] = {}
    for row, name in recent:
        each.setdefault(name, []).append(row)
    latest = each[recent[-1][1]] if recent else []
    lengths = [session[-1]["event_time"] - session[0]["event_time"] for session in each.values()]
    return found | {
        "session_events_mean": ratio(len(recent), len(each)),
        "session_minutes_mean": ratio(sum(lengths), len(each) * MINUTE),
        "session_value_mean": ratio(value([row for row, _ in recent]), len(each) * VALUE_SCALE),
        "days_since_session": ratio(cutoff.micros - latest[0]["event_time"], DAY_MICROS) if latest else math.nan,
        "latest_session_events": len(latest) if latest else math.nan,
        "latest_session_ratio": ratio(len(latest) * len(each), len(recent)),
    }


def naive_gaps(rows: list[Row], cutoff: Cutoff, kind: str) -> Found:
    days = days_ago(within(rows, cutoff, LOOKBACK, kind), cutoff)
    gaps = [older - newer for newer, older in pairwise(days)]
    mean = Fraction(sum(gaps), max(len(gaps), 1))
    variance = ratio(float(sum((gap - mean) ** 2 for gap in gaps)), len(gaps))
    return {
        f"gap_mean_{kind}": ratio(sum(gaps), len(gaps)),
        f"gap_deviation_{kind}": math.sqrt(variance),
        f"gap_latest_{kind}": gaps[0] if gaps else math.nan,
        f"overdue_{kind}": ratio(days[0] * len(gaps), sum(gaps)) if gaps else math.nan,
    }


def naive_calendar(rows: list[Row], cutoff: Cutoff) -> Found:
    recent = within(rows, cutoff, LOOKBACK)
    times = [EPOCH + timedelta(microseconds=row["event_time"]) for row in recent]
    found = {
        f"hours_{first}_{first + 6}_share": ratio(sum(first <= time.hour < first + 6 for time in times), len(times))
        for first in (0, 6, 12, 18)
    }
    weeks = [cutoff.plus_days(-7 * week) for week in range(1, 9)]
    same = sum(any(begin.micros <= row["event_time"] < begin.plus_days(1).micros for begin in weeks) for row in recent)
    return found | {
        "weekend_share": ratio(sum(time.weekday() >= 5 for time in times), len(times)),
        "cutoff_weekday": cutoff.instant.weekday(),
        "same_weekday_share": ratio(same, len(recent)),
    }


def naive_affinity(rows: list[Row], cutoff: Cutoff) -> Found:
    recent = within(rows, cutoff, LOOKBACK)
    named = [row for row in recent if row["category"]]
    counts = Counter(row["category"] for row in named)
    latest = {row["category"]: place for place, row in enumerate(named)}
    top = max(counts, key=lambda name: (counts[name], latest[name]), default=None)
    touched = [row["event_time"] for row in named if row["category"] == top]
    items = [row["item_id"] for row in recent if row["item_id"]]
    index = sum(Fraction(count, len(named)) ** 2 for count in counts.values())
    least = Fraction(1, max(len(counts), 1))
    found = {
        "top_category_share": ratio(max(counts.values(), default=0), len(named)),
        "category_concentration": float((index - least) / (1 - least)) if len(counts) > 1 else 1.0 if counts else math.nan,
        "days_since_top_category": ratio(cutoff.micros - max(touched), DAY_MICROS) if touched else math.nan,
        "repeat_share": ratio(sum(item in items[:place] for place, item in enumerate(items)), len(items)),
        "latest_category": CODES.get(named[-1]["category"], 2) if named else math.nan,
        "top_category": CODES.get(top, 2) if top else math.nan,
        "share_in_d": ratio(counts["d"], len(named)),
        "share_in_never": ratio(0, len(named)),
    }
    for days in WINDOWS:
        found[f"events_in_d_{days}d"] = sum(row["category"] == "d" for row in within(rows, cutoff, days))
        found[f"events_in_never_{days}d"] = 0
    return found


def naive_lifetime(rows: list[Row], cutoff: Cutoff) -> Found:
    purchases = [row for row in rows if row["event_type"] == "purchase"]
    days, known = days_ago(purchases, cutoff), ratio(cutoff.micros - rows[0]["event_time"], DAY_MICROS) if rows else math.nan
    found = {
        "days_known": known,
        "first_day_value": math.nan,
        "active_days_ever": len(days_ago(rows, cutoff)),
        "active_days_per_month": len(days_ago(rows, cutoff)) * 30 / max(known, 1.0) if rows else math.nan,
        **dict.fromkeys(("repeat_purchase_count", "repeat_purchase_span", "repeat_purchase_age", "first_purchase_day_value"), math.nan),
    }
    if rows:
        begins = rows[0]["event_time"]
        found["first_day_value"] = ratio(value([row for row in rows if row["event_time"] < begins + DAY_MICROS]), VALUE_SCALE)
    if purchases:
        first_day = [row for row in purchases if days_ago([row], cutoff) == days[-1:]]
        found |= {
            "repeat_purchase_count": len(days) - 1,
            "repeat_purchase_span": days[-1] - days[0],
            "repeat_purchase_age": days[-1],
            "first_purchase_day_value": ratio(value(first_day), VALUE_SCALE),
        }
    return found


@pytest.mark.parametrize(("minutes", "naming"), [(0, given_ids), (PAUSE, pauses)])
@given(shop=SHOPS)
def test_families_equal_a_loop(minutes: int, naming: Naming, shop: list[Row]) -> None:
    families = ("sessions", "gaps", "calendar", "affinity", "lifetime")
    chosen = Definition(TYPES, WINDOWS, LOOKBACK, families, minutes, categories=tuple(CODES), repeat_event="purchase")
    features, timeline = feature_set(chosen), from_events(table(*shop), TYPES)
    matrix = features.compute(timeline, CUTOFFS)
    for c, cutoff in enumerate(CUTOFFS):
        for place, user in enumerate(timeline.user_ids):
            rows = past(shop, user, cutoff)
            parts = [naive_sessions(rows, cutoff, naming), *(naive_gaps(rows, cutoff, kind) for kind in KINDS)]
            parts += [naive_calendar(rows, cutoff), naive_affinity(rows, cutoff), naive_lifetime(rows, cutoff)]
            expected = {name: number for part in parts for name, number in part.items()}
            found = dict(zip(features.names, matrix[:, c, place].tolist(), strict=True))
            assert found == pytest.approx(expected, rel=1e-12, abs=0, nan_ok=True)
