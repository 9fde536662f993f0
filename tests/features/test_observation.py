import numpy as np

from tests.features.literal import CUTOFF, MICRO, event, observation


def test_recent_begins_with_the_first_event_of_the_lookback() -> None:
    seen = observation(event("a", 30 + MICRO), event("a", 30), event("a", 1), event("b", 31), event("c", 2))
    assert (seen.begin.tolist(), seen.recent.tolist(), seen.end.tolist()) == ([[0, 3, 4]], [[1, 4, 4]], [[3, 4, 5]])


def test_recent_skips_ties_before_the_lookback_and_keeps_those_at_its_edge() -> None:
    seen = observation(*(event("a", ago) for ago in (31, 31, 30, 30, 29)))
    assert seen.recent.tolist() == [[2]]


def test_each_cutoff_has_its_lookback() -> None:
    seen = observation(event("a", 33), event("a", 3), cutoffs=(CUTOFF.plus_days(-10), CUTOFF))
    assert (seen.recent.tolist(), seen.end.tolist(), seen.shape) == ([[0], [1]], [[1], [2]], (2, 1))


def test_the_lookback_of_a_late_user_lies_in_the_copies() -> None:
    seen = observation(event("a", 40), event("a", 9, known=-1), event("a", 8))
    assert (seen.begin.tolist(), seen.recent.tolist(), seen.end.tolist()) == ([[3]], [[4]], [[5]])


def test_windows_begin_their_days_before_each_cutoff() -> None:
    rows = [event("a", days + before) for days in (8, 7, 2, 1) for before in (MICRO, 0)]
    seen = observation(*rows, cutoffs=(CUTOFF.plus_days(-1), CUTOFF), windows=(1, 7))
    assert seen.starts[:, :, 0].tolist() == [[5, 7], [1, 3]]


def test_windows_start_with_their_first_event_the_shortest_window_first() -> None:
    seen = observation(event("a", 9), event("a", 7), event("a", 1), event("b", 2), cutoffs=(CUTOFF.plus_days(-7), CUTOFF), windows=(2, 7))
    assert seen.starts[:, :, 0].tolist() == [[0, 2], [0, 1]]
    assert seen.starts[:, :, 1].tolist() == [[3, 3], [3, 3]]


def test_windows_of_a_late_user_start_among_its_copies_and_go_back_to_its_own() -> None:
    rows = [event("a", 12), event("a", 9, known=5), event("a", 8)]
    seen = observation(*rows, cutoffs=(CUTOFF.plus_days(-7), CUTOFF), windows=(2, 7), lookback=9)
    assert (seen.starts[:, :, 0].tolist(), seen.recent[:, 0].tolist()) == ([[4, 3], [3, 3]], [3, 1])


def test_kinds_are_any_and_each_type_in_configured_order() -> None:
    seen = observation(types=("add_to_cart", "purchase"))
    assert [(kind.name, kind.place, kind.code) for kind in seen.kinds] == [("any", 0, -1), ("add_to_cart", 1, 0), ("purchase", 2, 1)]
    assert [kind.noun for kind in seen.kinds] == ["events", "add to cart events", "purchase events"]
    assert seen.by_type == seen.kinds[1:]


def test_a_single_type_is_one_kind() -> None:
    seen = observation(event("a", 1), types=("view",))
    assert [kind.name for kind in seen.kinds] == ["any"]
    assert seen.by_type == seen.kinds


def test_nobody_has_no_ranges() -> None:
    seen = observation()
    assert seen.shape == (1, 0)
    assert np.shape(seen.recent) == (1, 0)
