from features.frequency import frequency
from tests.features.literal import CUTOFF, HOUR, MICRO, columns, event, observation


def test_events_and_active_days_per_kind_and_window() -> None:
    seen = observation(
        event("a", 20, "purchase"), event("a", 2, "view"), event("a", 2 - HOUR, "purchase"), event("a", 0.5, "view"), event("b", 7, "view")
    )
    assert columns(frequency, seen) == {
        "events_any_7d": [3, 1],
        "active_days_any_7d": [2, 1],
        "events_any_30d": [4, 1],
        "active_days_any_30d": [3, 1],
        "events_view_7d": [2, 1],
        "active_days_view_7d": [2, 1],
        "events_view_30d": [2, 1],
        "active_days_view_30d": [2, 1],
        "events_purchase_7d": [1, 0],
        "active_days_purchase_7d": [1, 0],
        "events_purchase_30d": [2, 0],
        "active_days_purchase_30d": [2, 0],
    }


def test_events_at_one_instant_are_all_counted_on_one_day() -> None:
    found = columns(frequency, observation(event("a", 1), event("a", 1), event("a", 1)))
    assert (found["events_any_7d"], found["active_days_any_7d"]) == ([3], [1])


def test_a_user_without_a_visible_event_counts_zero() -> None:
    found = columns(frequency, observation(event("a", 0), event("b", 1, known=-MICRO)))
    assert all(values == [0, 0] for values in found.values())


def test_a_late_event_counts_from_the_first_cutoff_that_knows_it() -> None:
    seen = observation(event("a", 9, known=1), event("a", 8), cutoffs=(CUTOFF.plus_days(-7), CUTOFF))
    assert [columns(frequency, seen, cutoff)["events_any_30d"] for cutoff in (0, 1)] == [[1], [2]]


def test_nobody_has_every_column() -> None:
    assert columns(frequency, observation(types=("view",))) == {
        f"{what}_any_{days}d": [] for days in (7, 30) for what in ("events", "active_days")
    }
