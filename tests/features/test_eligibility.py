from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.eligibility import eligible, score_basis, seen
from features.target import Target
from tests.features.literal import CUTOFF, HOUR, MICRO, Row, event, timeline


def target(event_type: str = "any", within: int = 0) -> Target:
    return Target("t", "occurs", "purchase", 7, eligible_event_type=event_type, eligible_within_days=within)


@pytest.mark.parametrize(
    ("ago", "within", "asked"),
    [(400, 0, True), (10, 10, True), (10 + MICRO, 10, False), (MICRO, 1, True), (0, 0, False), (0, 10, False), (-1, 10, False)],
)
def test_within_days_ends_at_the_cutoff_and_zero_means_ever(ago: float, within: int, asked: bool) -> None:
    assert eligible(timeline(event("a", ago)), target(within=within), CUTOFF).tolist() == [asked]


def test_only_the_asked_type_makes_eligible() -> None:
    whole = timeline(event("a", 1, "view"), event("b", 2, "purchase"), event("b", 1, "view"))
    assert eligible(whole, target("purchase"), CUTOFF).tolist() == [False, True]
    assert seen(whole, CUTOFF).tolist() == [True, True]


@pytest.mark.parametrize(("known", "shown"), [(0, True), (-MICRO, False), (-1, False)])
def test_what_is_not_yet_known_makes_nobody_eligible(known: float, shown: bool) -> None:
    whole = timeline(event("a", 1, known=known))
    assert eligible(whole, target(), CUTOFF).tolist() == seen(whole, CUTOFF).tolist() == [shown]


def test_an_older_known_event_is_found_behind_a_newer_unknown_one() -> None:
    whole = timeline(event("a", 3), event("a", 1, known=-1))
    assert [eligible(whole, target(within=days), CUTOFF).tolist() for days in (2, 3)] == [[False], [True]]


def test_a_type_that_the_timeline_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="'refund' is not one of view, purchase"):
        eligible(timeline(event("a", 1)), target("refund"), CUTOFF)


EVENTS = st.lists(
    st.builds(
        lambda user, ago, delay, kind: event(user, ago / 24, kind, known=(ago - delay) / 24),
        st.sampled_from("abc"),
        st.integers(-24, 24 * 6),
        st.integers(0, 48),
        st.sampled_from(["view", "purchase"]),
    ),
    max_size=12,
)


@given(EVENTS, st.sampled_from(["any", "view", "purchase"]), st.integers(0, 5))
def test_eligibility_equals_that_of_a_plain_loop(rows: list[Row], event_type: str, within: int) -> None:
    whole, asked = timeline(*rows), target(event_type, within)
    shown = [row for row in rows if row["event_time"] < CUTOFF.micros and row["available_at"] <= CUTOFF.micros]
    earliest = CUTOFF.plus_days(-within).micros if within else 0
    matching = {row["user_id"] for row in shown if row["event_time"] >= earliest and event_type in ("any", row["event_type"])}
    assert eligible(whole, asked, CUTOFF).tolist() == [user in matching for user in whole.user_ids]
    assert seen(whole, CUTOFF).tolist() == [user in {row["user_id"] for row in shown} for user in whole.user_ids]
    assert eligible(whole.as_of(CUTOFF), asked, CUTOFF).tolist() == eligible(whole, asked, CUTOFF).tolist()


@pytest.mark.parametrize(
    ("agos", "basis"),
    [
        ((), "new"),
        ((1,), "thin"),
        ((5, 4, 3, 2), "thin"),
        ((1, 1, 1, 1, 1), "thin"),
        ((5, 4, 3, 2, 1), "rich"),
        ((2, 1, 1, 1, 1), "rich"),
        ((1 + HOUR, 1, 1, 1, 1), "rich"),
        ((1 - HOUR, 1, 1, 1, 1), "thin"),
    ],
)
def test_basis_needs_five_events_on_two_days(agos: tuple[float, ...], basis: str) -> None:
    view = timeline(event("a", 3, "view"), *(event("b", ago) for ago in agos), event("b", -1), event("c", 1)).as_of(CUTOFF)
    assert score_basis(view).tolist() == ["thin", basis, "thin"]


def test_basis_of_nobody_is_empty() -> None:
    assert score_basis(timeline()).tolist() == []
