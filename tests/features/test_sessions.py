from typing import Any

import pytest

from features.contract import VALUE_SCALE
from features.observation import Observation
from features.sessions import sessions
from tests.features.literal import CUTOFF, HOUR, MICRO, Row, columns, event, observation

MINUTE = HOUR / 60


def visit(user: str, ago: float, session: str | None, kind: str = "view", **others: Any) -> Row:
    return event(user, ago, kind, session_id=session, **others)


def by_pauses(*events: Row, **chosen: Any) -> Observation:
    return observation(*events, session_minutes=30, **chosen)


def test_given_sessions_per_kind_and_window() -> None:
    seen = observation(
        visit("a", 20, "s", "purchase"), visit("a", 8, "t"), visit("a", 7, "t"), visit("a", 2, "u", "purchase"), visit("a", 1, "u")
    )
    assert {name: values for name, values in columns(sessions, seen).items() if name.startswith("sessions_")} == {
        "sessions_any_7d": [2],
        "sessions_any_30d": [3],
        "sessions_view_7d": [2],
        "sessions_view_30d": [2],
        "sessions_purchase_7d": [1],
        "sessions_purchase_30d": [2],
    }


def test_what_sessions_hold_on_average_and_the_latest() -> None:
    seen = observation(
        visit("a", 20, "s", value=8 * VALUE_SCALE),
        visit("a", 20 - 10 * MINUTE, "s"),
        visit("a", 20 - 20 * MINUTE, "s", value=-2 * VALUE_SCALE),
        visit("a", 2, "t", value=3 * VALUE_SCALE),
        visit("a", 1, None, value=100 * VALUE_SCALE),
    )
    assert {name: values for name, values in columns(sessions, seen).items() if not name.startswith("sessions_")} == {
        "session_events_mean": [2.0],
        "session_minutes_mean": [10.0],
        "session_value_mean": [4.5],
        "days_since_session": [2.0],
        "latest_session_events": [1.0],
        "latest_session_ratio": [0.5],
    }


@pytest.mark.parametrize("minutes", [0, 30])
def test_without_sessions_counts_are_zero_and_the_rest_is_undefined(minutes: int) -> None:
    known_later = event("b", 1, known=-MICRO, session_id="s")
    found = columns(sessions, observation(visit("a", 0, "s"), known_later, visit("c", 31, "s"), session_minutes=minutes))
    assert {tuple(values) for name, values in found.items() if name.startswith("sessions_")} == {(0, 0, 0)}
    assert {tuple(values) for name, values in found.items() if not name.startswith("sessions_")} == {(None, None, None)}


def test_an_event_without_a_given_session_belongs_to_none() -> None:
    found = columns(sessions, observation(visit("a", 1, None), visit("b", 1, "s"), visit("b", 1, None)))
    assert (found["sessions_any_7d"], found["latest_session_events"]) == ([0, 1], [None, 1])


def test_one_id_of_two_users_is_two_sessions() -> None:
    found = columns(sessions, observation(visit("a", 1, "s"), visit("b", 2, "s"), visit("b", 1, "s")))
    assert (found["sessions_any_7d"], found["latest_session_events"]) == ([1, 1], [1, 2])


def test_given_sessions_may_take_turns() -> None:
    seen = observation(visit("a", 4, "s"), visit("a", 3, "t"), visit("a", 2, "s"), visit("a", 1, "t"), visit("a", 1 - HOUR, "s"))
    found = columns(sessions, seen)
    assert (found["sessions_any_7d"], found["latest_session_events"], found["days_since_session"]) == ([2], [3], [4.0])
    assert found["session_minutes_mean"] == [((3 * 24 + 1) + 2 * 24) * 60 / 2]


def test_a_session_across_the_edge_of_the_lookback_begins_with_what_lies_inside() -> None:
    found = columns(sessions, observation(visit("a", 30 + MICRO, "s"), visit("a", 30, "s"), visit("a", 29, "s")))
    assert (found["sessions_any_30d"], found["days_since_session"], found["session_events_mean"]) == ([1], [30.0], [2.0])


@pytest.mark.parametrize(("pause", "number"), [(30 * MINUTE, 1), (30 * MINUTE + MICRO, 2), (0, 1)])
def test_a_longer_pause_ends_a_session(pause: float, number: int) -> None:
    found = columns(sessions, by_pauses(event("a", 2), event("a", 2 - pause)))
    assert (found["sessions_any_7d"], found["session_minutes_mean"]) == ([number], [pause * 24 * 60 if number == 1 else 0.0])


def test_neighbours_share_no_session() -> None:
    found = columns(sessions, by_pauses(event("a", 1), event("b", 1), event("b", 1 - MINUTE), event("c", 2)))
    assert (found["sessions_any_7d"], found["latest_session_events"]) == ([1, 1, 1], [1, 2, 1])


def test_a_late_event_joins_two_sessions_from_the_first_cutoff_that_knows_it() -> None:
    shop = (event("a", 3), event("a", 3 - 20 * MINUTE, known=0.5), event("a", 3 - 40 * MINUTE), event("b", 3))
    seen = by_pauses(*shop, cutoffs=(CUTOFF.plus_days(-1), CUTOFF))
    assert [columns(sessions, seen, cutoff)["sessions_any_7d"] for cutoff in (0, 1)] == [[2, 1], [1, 1]]
    assert [columns(sessions, seen, cutoff)["session_events_mean"] for cutoff in (0, 1)] == [[1.0, 1.0], [3.0, 1.0]]
