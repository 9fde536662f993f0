import numpy as np

from features.observation import observe
from tests.features.literal import CUTOFF, HOUR, MICRO, event, observation, timeline


def test_a_window_begins_exactly_its_days_before_the_cutoff() -> None:
    seen = observation(event("a", 7), event("b", 7 + MICRO), event("c", 30), event("d", 30 + MICRO))
    assert seen.all.counts(7).tolist() == [1, 0, 0, 0]
    assert seen.all.counts(30).tolist() == [1, 1, 1, 0]


def test_each_type_has_its_own_stream_in_configured_order() -> None:
    seen = observation(event("a", 1), event("a", 2, "purchase"), event("b", 3, "purchase"))
    assert [stream.kind for stream in seen.streams] == ["any", "view", "purchase"]
    assert [stream.counts(7).tolist() for stream in seen.streams] == [[2, 1], [1, 0], [1, 1]]


def test_a_single_type_is_one_stream() -> None:
    seen = observation(event("a", 1), types=("view",))
    assert [stream.kind for stream in seen.streams] == ["any"]
    assert seen.by_type == seen.streams


def test_only_the_whole_life_reaches_past_the_lookback() -> None:
    seen = observation(event("a", 31), event("a", 1))
    assert seen.all.view.per_user(np.ones(1, dtype=bool)).tolist() == [1]
    assert np.diff(seen.everything.offsets).tolist() == [2]


def test_distinct_codes_are_counted_at_their_last_event() -> None:
    items = ["x", "y", "x", None, "y"]
    seen = observation(
        *(event("a", ago, item_id=item) for ago, item in zip((20, 10, 5, 4, 3), items, strict=True)), event("b", 1, item_id="x")
    )
    last = seen.all.last_of_code(seen.all.view.item)
    assert last.tolist() == [False, False, True, False, True, True]
    assert {days: sums.tolist() for days, sums in seen.all.sums(last).items()} == {7: [2, 1], 30: [2, 1]}


def test_days_are_counted_back_from_the_cutoff() -> None:
    seen = observation(event("a", 2), event("a", 1 + MICRO), event("a", 1), event("a", HOUR), event("b", HOUR))
    assert seen.all.age_days().tolist() == [1, 1, 0, 0, 0]
    assert seen.all.last_of_day().tolist() == [False, True, False, True, True]


def test_maxima_ignore_what_lies_before_the_window_and_other_users() -> None:
    seen = observation(event("a", 20, value=9), event("a", 3, value=-4), event("b", 20, value=5), event("c", 40, value=1))
    assert seen.all.maxima(seen.all.view.value, 7, empty=-99).tolist() == [-4, -99, -99]
    assert seen.all.maxima(seen.all.view.value, 30, empty=-99).tolist() == [9, 5, -99]


def test_nobody_and_nothing_are_empty() -> None:
    assert observation().all.counts(7).tolist() == []
    assert observation().all.maxima(np.zeros(0, dtype=np.int64), 7, empty=0).tolist() == []
    unseen = observe(timeline(event("a", -1)).as_of(CUTOFF), CUTOFF, (7,), 30)
    assert unseen.all.counts(7).tolist() == [0]
