from features.contract import VALUE_SCALE
from features.lifetime import lifetime
from tests.features.literal import CUTOFF, HOUR, MICRO, columns, event, observation


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
    found = columns(lifetime, observation(event("a", 0), event("b", 3), event("c", 3, known=-MICRO), repeat_event="purchase"))
    assert {name: (values[0], values[2]) for name, values in found.items() if name != "active_days_ever"} == {
        "days_known": (None, None),
        "first_day_value": (None, None),
        "active_days_per_month": (None, None),
        "repeat_purchase_count": (None, None),
        "repeat_purchase_span": (None, None),
        "repeat_purchase_age": (None, None),
        "first_purchase_day_value": (None, None),
    }
    assert found["active_days_ever"] == [0, 1, 0]


def test_what_repeats_by_day() -> None:
    seen = observation(
        event("a", 95, "view", value=50 * VALUE_SCALE),
        event("a", 90, "purchase", value=5 * VALUE_SCALE),
        event("a", 89 + MICRO, "purchase", value=2 * VALUE_SCALE),
        event("a", 89, "purchase", value=100 * VALUE_SCALE),
        event("a", 40.5, "purchase"),
        event("a", 40.4, "purchase"),
        event("a", 1, "view"),
        event("b", 1, "purchase"),
        event("c", 1, "view"),
        repeat_event="purchase",
    )
    found = columns(lifetime, seen)
    assert found["repeat_purchase_count"] == [2, 0, None]
    assert found["repeat_purchase_span"] == [89 - 40, 0, None]
    assert found["repeat_purchase_age"] == [89, 0, None]
    assert found["first_purchase_day_value"] == [7.0, 0.0, None]


def test_days_are_counted_back_from_the_cutoff() -> None:
    shop = (event("a", 2 + HOUR, "purchase", value=VALUE_SCALE), event("a", 2 - HOUR, "purchase", value=VALUE_SCALE))
    seen = observation(*shop, repeat_event="purchase")
    found = columns(lifetime, seen)
    assert (found["repeat_purchase_count"], found["repeat_purchase_span"], found["repeat_purchase_age"]) == ([1], [1], [2])
    assert (found["first_purchase_day_value"], found["first_day_value"]) == ([1.0], [2.0])


def test_a_single_event_type_repeats_too() -> None:
    found = columns(lifetime, observation(event("a", 3.5, "view"), event("a", 1.5, "view"), types=("view",), repeat_event="view"))
    assert (found["repeat_view_count"], found["repeat_view_span"], found["repeat_view_age"]) == ([1], [2], [3])


def test_a_late_first_event_counts_from_the_first_cutoff_that_knows_it() -> None:
    shop = (event("a", 50, "purchase", known=0.5, value=VALUE_SCALE), event("a", 10.5, "purchase"))
    seen = observation(*shop, cutoffs=(CUTOFF.plus_days(-1), CUTOFF), repeat_event="purchase")
    found = [columns(lifetime, seen, cutoff) for cutoff in (0, 1)]
    assert [each["days_known"] for each in found] == [[9.5], [50.0]]
    assert [each["repeat_purchase_age"] for each in found] == [[9], [49]]
    assert [each["first_purchase_day_value"] for each in found] == [[0.0], [1.0]]
