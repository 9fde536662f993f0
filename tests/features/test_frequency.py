from features.frequency import frequency
from tests.features.literal import HOUR, MICRO, columns, event, observation


def test_events_sessions_and_active_days_per_kind_and_window() -> None:
    seen = observation(
        event("a", 20, "purchase", session_id="s1"),
        event("a", 2, "view", session_id="s2"),
        event("a", 2 - HOUR, "purchase", session_id="s2"),
        event("a", 0.5, "view", session_id=None),
        event("b", 7, "view", session_id="s3"),
    )
    found = columns(frequency, seen)
    assert [found[f"events_any_{days}d"] for days in (7, 30)] == [[3, 1], [4, 1]]
    assert [found[f"events_purchase_{days}d"] for days in (7, 30)] == [[1, 0], [2, 0]]
    assert [found[f"sessions_any_{days}d"] for days in (7, 30)] == [[1, 1], [2, 1]]
    assert [found[f"active_days_any_{days}d"] for days in (7, 30)] == [[2, 1], [3, 1]]


def test_one_session_over_the_edge_of_a_window_counts_where_it_ends() -> None:
    seen = observation(event("a", 7 + HOUR, session_id="s"), event("a", 7 - HOUR, session_id="s"))
    found = columns(frequency, seen)
    assert (found["events_any_7d"], found["sessions_any_7d"]) == ([1], [1])


def test_the_same_session_id_of_two_users_is_two_sessions() -> None:
    found = columns(frequency, observation(event("a", 1, session_id="s"), event("b", 2, session_id="s")))
    assert found["sessions_any_7d"] == [1, 1]


def test_events_at_one_instant_are_all_counted_on_one_day() -> None:
    found = columns(frequency, observation(event("a", 1), event("a", 1), event("a", 1)))
    assert (found["events_any_7d"], found["active_days_any_7d"]) == ([3], [1])


def test_a_user_without_a_visible_event_counts_zero() -> None:
    found = columns(frequency, observation(event("a", 0), event("b", 1, known=-MICRO)))
    assert all(values == [0, 0] for values in found.values())
