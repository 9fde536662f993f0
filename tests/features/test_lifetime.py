from features.contract import VALUE_SCALE
from features.lifetime import lifetime
from tests.features.literal import MICRO, columns, event, observation


def test_the_whole_acquaintance_counts_however_old() -> None:
    seen = observation(
        event("a", 90, value=5 * VALUE_SCALE),
        event("a", 89 + MICRO, value=2 * VALUE_SCALE),
        event("a", 89, value=100 * VALUE_SCALE),
        event("a", 1.5),
        event("b", 0.25),
    )
    assert columns(lifetime, seen) == {
        "days_known": [90.0, 0.25],
        "first_day_value": [7.0, 0.0],
        "active_days_ever": [3.0, 1.0],
        "active_days_per_month": [1.0, 30.0],
    }


def test_a_user_without_a_visible_event_is_not_known() -> None:
    found = columns(lifetime, observation(event("a", -1), event("b", 3)))
    assert {name: values[0] for name, values in found.items()} == {
        "days_known": None,
        "first_day_value": None,
        "active_days_ever": 0.0,
        "active_days_per_month": None,
    }
