import numpy as np

from features.windowed import NO_VALUE, active_days, counts, distinct, maxima, sums
from tests.features.literal import CUTOFF, HOUR, MICRO, event, observation


def test_a_window_begins_exactly_its_days_before_the_cutoff_and_ends_before_it() -> None:
    rows = [event("a", 7), event("b", 7 + MICRO), event("c", 30), event("d", 30 + MICRO), event("e", MICRO), event("f", 0)]
    assert counts(observation(*rows))[0, :, 0].tolist() == [[1, 0, 0, 0, 1, 0], [1, 1, 1, 0, 1, 0]]


def test_counts_of_any_type_and_of_each() -> None:
    found = counts(observation(event("a", 1), event("a", 8), event("a", 9, "purchase"), event("b", 2, "purchase")))
    assert found[:, :, 0].tolist() == [[[1, 1], [3, 1]], [[1, 0], [2, 0]], [[0, 1], [1, 1]]]


def test_a_single_type_is_counted_once() -> None:
    assert counts(observation(event("a", 1), event("a", 8), types=("view",)))[:, :, 0].tolist() == [[[1], [2]]]


def test_every_window_longer_than_the_history_holds_all_of_it() -> None:
    seen = observation(event("a", 1), event("a", 2), windows=(1, 2, 9, 30))
    assert counts(seen)[0, :, 0, 0].tolist() == [1, 2, 2, 2]
    assert sums(seen, np.array([5, 7]))[0, :, 0, 0].tolist() == [7, 12, 12, 12]
    assert maxima(seen)[0, :, 0, 0].tolist() == [NO_VALUE] * 4
    assert active_days(seen)[0, :, 0, 0].tolist() == [1, 2, 2, 2]
    assert distinct(seen, np.array([0, 1], dtype=np.int32))[:, 0, 0].tolist() == [1, 2, 2, 2]


def test_windows_with_nothing_between_them_are_equal() -> None:
    seen = observation(event("a", 20), event("a", 1), windows=(2, 3, 4, 25))
    assert counts(seen)[0, :, 0, 0].tolist() == [1, 1, 1, 2]
    assert distinct(seen, np.array([0, 1], dtype=np.int32))[:, 0, 0].tolist() == [1, 1, 1, 2]


def test_a_window_as_long_as_the_lookback_is_the_only_one() -> None:
    assert counts(observation(event("a", 31), event("a", 30), event("a", 1), windows=(30,)))[0, :, 0].tolist() == [[2]]


def test_sums_are_of_integers_and_flags_and_keep_their_sign() -> None:
    seen = observation(event("a", 20, "purchase"), event("a", 2), event("a", 1, "purchase"), event("b", 40))
    assert sums(seen, np.array([2**60, -3, 1, 9]))[:, :, 0].tolist() == [
        [[-2, 0], [2**60 - 2, 0]],
        [[-3, 0], [-3, 0]],
        [[1, 0], [2**60 + 1, 0]],
    ]
    assert sums(seen, np.array([True, False, True, True]))[0, :, 0].tolist() == [[1, 0], [2, 0]]


def test_sums_are_per_user_and_exact_where_floats_are_not() -> None:
    seen = observation(event("a", 1, value=2**53 + 1), event("b", 1, value=1), event("b", 2, value=-1), event("c", 1))
    assert sums(seen, seen.events.value)[0, 0, 0].tolist() == [2**53 + 1, 0, 0]


def test_maxima_leave_out_what_has_no_value_or_lies_before_the_window() -> None:
    seen = observation(event("a", 20, value=9), event("a", 3, value=-4), event("a", 2), event("b", 40, value=1))
    assert maxima(seen)[:, :, 0].tolist() == [[[-4, NO_VALUE], [9, NO_VALUE]], [[-4, NO_VALUE], [9, NO_VALUE]], [[NO_VALUE] * 2] * 2]


def test_maxima_of_a_single_type() -> None:
    assert maxima(observation(event("a", 20, value=9), event("a", 3, value=4), types=("view",)))[:, :, 0].tolist() == [[[4], [9]]]


def test_active_days_are_counted_back_from_the_cutoff() -> None:
    rows = [event("a", 2), event("a", 1 + MICRO, "purchase"), event("a", 1), event("a", HOUR), event("a", HOUR, "purchase")]
    assert active_days(observation(*rows, windows=(1, 2)))[:, :, 0, 0].tolist() == [[1, 2], [1, 2], [1, 2]]


def test_active_days_of_a_single_type_count_each_day_once() -> None:
    rows = [event("a", ago) for ago in (29.5, 6.5, 6.25, HOUR, HOUR)]
    assert active_days(observation(*rows, types=("view",)))[:, :, 0, 0].tolist() == [[2, 3]]


def test_a_code_counts_once_and_a_negative_one_never() -> None:
    rows = [event("a", ago) for ago in (20, 10, 5, 4, 3, 3)] + [event("b", 1), event("c", 40)]
    found = distinct(observation(*rows), np.array([0, 1, 0, -1, 2, 2, 0, 1], dtype=np.int32))
    assert found[:, 0].tolist() == [[2, 1, 0], [3, 1, 0]]


def test_without_any_code_nothing_is_distinct() -> None:
    assert distinct(observation(event("a", 1)), np.array([-1], dtype=np.int32))[:, 0].tolist() == [[0], [0]]


def test_each_cutoff_has_its_own_windows() -> None:
    seen = observation(event("a", 12, value=3), event("a", 8, value=5), event("a", 1, value=4), cutoffs=(CUTOFF.plus_days(-7), CUTOFF))
    assert counts(seen)[0, :, :, 0].tolist() == [[2, 1], [2, 3]]
    assert sums(seen, seen.events.value)[0, :, :, 0].tolist() == [[8, 4], [8, 12]]
    assert maxima(seen)[0, :, :, 0].tolist() == [[5, 4], [5, 5]]
    assert active_days(seen)[0, :, :, 0].tolist() == [[2, 1], [2, 3]]
    assert distinct(seen, np.zeros(3, dtype=np.int32))[:, :, 0].tolist() == [[1, 1], [1, 1]]


def test_copies_of_late_users_are_counted_as_what_they_copy() -> None:
    seen = observation(event("a", 9, value=3), event("a", 5, known=-1, value=7), event("a", 3, value=1), event("b", 1, value=2))
    assert counts(seen)[0, :, 0].tolist() == [[1, 1], [2, 1]]
    assert sums(seen, seen.events.value)[0, :, 0].tolist() == [[1, 2], [4, 2]]
    assert maxima(seen)[0, :, 0].tolist() == [[1, 2], [3, 2]]


def test_what_was_counted_of_copies_is_counted_again_of_the_events_themselves() -> None:
    rows = [event("a", ago, known=known) for ago, known in ((12, None), (9, 5), (8, None), (3, None))]
    seen = observation(*rows, cutoffs=(CUTOFF.plus_days(-7), CUTOFF.plus_days(-4), CUTOFF))
    assert (seen.begin[:, 0].tolist(), len(seen.events.item)) == ([4, 0, 0], 6)
    assert distinct(seen, np.array([0, 1, 0, 1, 0, 0], dtype=np.int32))[:, :, 0].tolist() == [[1, 2, 1], [1, 2, 2]]


def test_nobody_is_empty() -> None:
    seen = observation()
    assert counts(seen).shape == sums(seen, seen.events.value).shape == maxima(seen).shape == active_days(seen).shape == (3, 2, 1, 0)
    assert distinct(seen, seen.events.item).shape == (2, 1, 0)
