from features.contract import VALUE_SCALE
from features.monetary import monetary
from tests.features.literal import CUTOFF, columns, event, observation


def euro(amount: float) -> int:
    return round(amount * VALUE_SCALE)


def test_sum_mean_and_maximum_in_the_sources_unit() -> None:
    seen = observation(
        event("a", 20, "purchase", value=euro(100)),
        event("a", 3, "purchase", value=euro(2.5)),
        event("a", 2, "view", value=None),
        event("a", 1, "purchase", value=euro(-0.5)),
    )
    found = columns(monetary, seen)
    assert [found[f"value_{name}_purchase_7d"] for name in ("sum", "mean", "max")] == [[2.0], [1.0], [2.5]]
    assert [found[f"value_{name}_any_30d"] for name in ("sum", "mean", "max")] == [[102.0], [34.0], [100.0]]
    assert [found[f"value_{name}_view_7d"] for name in ("sum", "mean", "max")] == [[0.0], [None], [None]]


def test_only_negative_values_have_a_negative_maximum() -> None:
    found = columns(monetary, observation(event("a", 1, value=euro(-3)), event("a", 2, value=euro(-7)), event("b", 9, value=euro(1))))
    assert found["value_max_any_7d"] == [-3.0, None]
    assert found["value_sum_any_7d"] == [-10.0, 0.0]


def test_a_value_of_zero_is_a_value() -> None:
    found = columns(monetary, observation(event("a", 1, value=0)))
    assert [found[f"value_{name}_any_7d"] for name in ("sum", "mean", "max")] == [[0.0], [0.0], [0.0]]


def test_without_any_event_the_sum_is_zero_and_the_rest_undefined() -> None:
    found = columns(monetary, observation(event("a", 0, value=euro(5))))
    assert [found[f"value_{name}_purchase_30d"] for name in ("sum", "mean", "max")] == [[0.0], [None], [None]]


def test_the_value_of_a_late_event_counts_from_the_first_cutoff_that_knows_it() -> None:
    rows = [event("a", 9, known=1, value=euro(5)), event("a", 8, value=euro(1))]
    seen = observation(*rows, cutoffs=(CUTOFF.plus_days(-7), CUTOFF))
    assert [columns(monetary, seen, cutoff)["value_max_any_30d"] for cutoff in (0, 1)] == [[1.0], [5.0]]


def test_many_small_amounts_add_up_exactly() -> None:
    seen = observation(*(event("a", 1 + number / 1000, value=euro(0.1)) for number in range(30)))
    assert columns(monetary, seen)["value_sum_any_7d"] == [3.0]
