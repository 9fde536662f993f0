import pytest

from features.gaps import gaps
from tests.features.literal import CUTOFF, HOUR, MICRO, columns, event, observation


def test_gaps_between_active_days() -> None:
    seen = observation(*(event("a", ago) for ago in (20.5, 14.5, 14.4, 4.5)))
    found = columns(gaps, seen)
    assert found["gap_mean_any"] == [8.0]
    assert found["gap_deviation_any"] == [2.0]
    assert found["gap_latest_any"] == [10.0]
    assert found["overdue_any"] == [0.5]


@pytest.mark.parametrize("agos", [(), (3,), (3, 3 - HOUR)])
def test_fewer_than_two_active_days_have_no_gap(agos: tuple[float, ...]) -> None:
    seen = observation(*(event("a", ago) for ago in agos), event("b", -1))
    assert {value for values in columns(gaps, seen).values() for value in values} == {None}


def test_neighbours_do_not_lend_their_gaps() -> None:
    seen = observation(event("a", 9.5), event("b", 20.5), event("b", 10.5), event("c", 5.5))
    assert columns(gaps, seen)["gap_mean_any"] == [None, 10.0, None]


def test_types_have_gaps_of_their_own() -> None:
    seen = observation(event("a", 9.5, "purchase"), event("a", 5.5, "view"), event("a", 3.5, "purchase"))
    found = columns(gaps, seen)
    assert (found["gap_latest_any"], found["gap_latest_purchase"], found["gap_latest_view"]) == ([2.0], [6.0], [None])


def test_days_are_counted_back_from_the_cutoff_and_end_with_the_lookback() -> None:
    seen = observation(event("a", 30 + MICRO), event("a", 30), event("a", 29), event("a", 3 + MICRO), event("a", 3), event("a", 0))
    found = columns(gaps, seen)
    assert (found["gap_mean_any"], found["gap_latest_any"]) == ([(29 - 2) / 3], [1.0])
    assert found["overdue_any"] == [2 / 9]


def test_a_late_event_counts_from_the_first_cutoff_that_knows_it() -> None:
    seen = observation(event("a", 9.5), event("a", 6.5, known=0.5), event("a", 3.5), cutoffs=(CUTOFF.plus_days(-1), CUTOFF))
    assert [columns(gaps, seen, cutoff)["gap_mean_any"] for cutoff in (0, 1)] == [[6.0], [3.0]]


def test_a_single_event_type_is_any() -> None:
    found = columns(gaps, observation(event("a", 9.5), event("a", 3.5), types=("view",)))
    assert found == {"gap_mean_any": [6.0], "gap_deviation_any": [0.0], "gap_latest_any": [6.0], "overdue_any": [0.5]}
