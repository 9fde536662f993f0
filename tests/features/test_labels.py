from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.labels import outcome
from features.target import Kind, Target
from features.timeline import Timeline
from tests.features.literal import CUTOFF, DAY, MICRO, Row, event, timeline

UNIT = 10_000
KINDS: tuple[Kind, ...] = ("occurs", "absent", "sum", "next_item")


def target(kind: Kind, event_type: str = "purchase", *, horizon: int = 7, gap: int = 0) -> Target:
    return Target("t", kind, event_type, horizon, gap)


def bought(user: str, ago: float, value: float | None = 1.0, item: str | None = "pen", **columns: Any) -> Row:
    return event(user, ago, "purchase", value=None if value is None else round(value * UNIT), item_id=item, **columns)


def found(whole: Timeline, asked: Target) -> tuple[list[int], list[float | None], list[str | None]]:
    """Labels, amounts and items, None where undefined."""
    seen = outcome(whole, asked, CUTOFF)
    return seen.label.tolist(), [None if np.isnan(amount) else amount for amount in seen.amount.tolist()], seen.item.tolist()


@pytest.mark.parametrize(
    ("ago", "happened"),
    [(MICRO, 0), (0, 1), (-3 * DAY, 1), (-7 * DAY + MICRO, 1), (-7 * DAY, 0), (5 * DAY, 0)],
)
def test_the_window_includes_its_start_and_not_its_end(ago: float, happened: int) -> None:
    whole = timeline(bought("a", ago))
    assert found(whole, target("occurs")) == ([happened], [None], [None])
    assert found(whole, target("absent")) == ([1 - happened], [None], [None])
    assert found(whole, target("sum")) == ([happened], [1.0 * happened], [None])
    assert found(whole, target("next_item")) == ([happened], [None], ["pen" if happened else None])


@pytest.mark.parametrize(("ago", "happened"), [(-1, 0), (-3 + MICRO, 0), (-3, 1), (-10 + MICRO, 1), (-10, 0)])
def test_a_gap_moves_the_window(ago: float, happened: int) -> None:
    for kind in KINDS:
        label, _, _ = found(timeline(bought("a", ago)), target(kind, gap=3))
        assert label == [1 - happened if kind == "absent" else happened]


def test_only_the_asked_type_counts_and_any_means_all() -> None:
    whole = timeline(event("a", -1, "view", value=5 * UNIT, item_id="cup"), bought("b", -1))
    assert [found(whole, target(kind))[0] for kind in KINDS] == [[0, 1], [1, 0], [0, 1], [0, 1]]
    assert [found(whole, target(kind, "any"))[0] for kind in KINDS] == [[1, 1], [0, 0], [1, 1], [1, 1]]
    assert found(whole, target("sum", "any"))[1] == [5.0, 1.0]
    assert found(whole, target("next_item", "any"))[2] == ["cup", "pen"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_arrived_late_happened_all_the_same(kind: Kind) -> None:
    late, prompt = timeline(bought("a", -1, known=-90)), timeline(bought("a", -1))
    assert found(late, target(kind)) == found(prompt, target(kind))


@pytest.mark.parametrize(
    ("values", "amount", "label"),
    [
        ((), 0.0, 0),
        ((None,), 0.0, 0),
        ((0.0,), 0.0, 0),
        ((2.5, None, 0.25), 2.75, 1),
        ((10.0, -4.0), 6.0, 1),
        ((10.0, -10.0), 0.0, 0),
        ((1.0, -3.0), -2.0, 0),
        ((0.1, 0.2), 0.3, 1),
        ((0.0001, -0.0002, 0.0002), 0.0001, 1),
    ],
)
def test_a_sum_is_exact_and_a_cancellation_takes_back(values: tuple[float | None, ...], amount: float, label: int) -> None:
    whole = timeline(event("a", 3), *(bought("a", -1, value) for value in values), event("b", -1))
    assert found(whole, target("sum")) == ([label, 0], [amount, 0.0], [None, None])


def test_the_first_event_with_an_item_names_it() -> None:
    whole = timeline(
        bought("a", 1, item="before"), bought("a", -1, item=None), event("a", -2, "view", item_id="seen"), bought("a", -3), bought("a", -4)
    )
    assert found(whole, target("next_item")) == ([1], [None], ["pen"])
    assert found(timeline(bought("a", -1, item=None)), target("next_item")) == ([0], [None], [None])


def test_a_tie_in_time_goes_to_what_was_known_first_then_to_the_lower_event_id() -> None:
    whole = timeline(
        bought("a", -1, item="late", known=-3, event_id="1"),
        bought("a", -1, item="first", known=-2, event_id="8"),
        bought("a", -1, item="second", known=-2, event_id="9"),
    )
    assert found(whole, target("next_item"))[2] == ["first"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_user_gets_a_label_also_the_silent(kind: Kind) -> None:
    seen = outcome(timeline(event("a", 400), bought("b", -1)), target(kind), CUTOFF)
    assert (seen.label.dtype.name, seen.amount.dtype.name, seen.item.dtype.name) == ("int8", "float64", "object")
    assert seen.label.tolist() == ([1, 0] if kind == "absent" else [0, 1])
    assert len(outcome(timeline(), target(kind), CUTOFF).label) == 0


def test_a_type_that_the_timeline_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="'refund' is not one of view, purchase"):
        outcome(timeline(event("a", 1)), target("occurs", "refund"), CUTOFF)


EVENTS = st.lists(
    st.builds(
        lambda user, hours, kind, value, item: event(user, -hours / 24, kind, value=value, item_id=item),
        st.sampled_from("abc"),
        st.integers(-48, 24 * 12),
        st.sampled_from(["view", "purchase"]),
        st.none() | st.integers(-(10**12), 10**12),
        st.none() | st.sampled_from(["pen", "cup"]),
    ),
    max_size=12,
)


@given(EVENTS, st.sampled_from(KINDS), st.sampled_from(["any", "view", "purchase"]), st.integers(1, 8), st.integers(0, 3))
def test_outcomes_equal_those_of_a_plain_loop(rows: list[Row], kind: Kind, event_type: str, horizon: int, gap: int) -> None:
    asked = target(kind, event_type, horizon=horizon, gap=gap)
    start, end = (edge.micros for edge in asked.window(CUTOFF))
    labels, amounts, items = [], [], []
    for user in sorted({row["user_id"] for row in rows}):
        inside = [
            row
            for row in sorted(rows, key=lambda row: row["event_time"])
            if row["user_id"] == user and start <= row["event_time"] < end and event_type in ("any", row["event_type"])
        ]
        total = sum(Decimal(row["value"] or 0) for row in inside) / UNIT
        named = [row["item_id"] for row in inside if row["item_id"] is not None]
        labels.append(int({"occurs": bool(inside), "absent": not inside, "sum": total > 0, "next_item": bool(named)}[kind]))
        amounts.append(float(total) if kind == "sum" else None)
        items.append(named[0] if named and kind == "next_item" else None)
    assert found(timeline(*rows), asked) == (labels, amounts, items)
