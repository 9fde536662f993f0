import numpy as np
import numpy.typing as npt
import pytest

from features.visible import Visible, visible
from tests.features.literal import CUTOFF, DAY, MICRO, Row, event, timeline


def seen(*events: Row, agos: tuple[int, ...] = (0,)) -> Visible:
    micros: npt.NDArray[np.int64] = np.array([CUTOFF.plus_days(-ago).micros for ago in agos], dtype=np.int64)
    return visible(timeline(*events), micros)


def values(found: Visible, cutoff: int = 0) -> list[list[int]]:
    """The value, here a name, of each visible event, per user."""
    return [found.events.value[begin:end].tolist() for begin, end in zip(found.begin[cutoff], found.end[cutoff], strict=True)]


def test_an_event_at_the_cutoff_is_not_seen_and_one_just_before_it_is() -> None:
    found = seen(event("a", 0, value=1), event("a", MICRO, value=2), event("b", -MICRO, value=3))
    assert values(found) == [[2], []]


def test_an_event_known_exactly_at_the_cutoff_is_seen() -> None:
    assert values(seen(event("a", 1, known=0, value=1), event("b", 1, known=-MICRO, value=2))) == [[1], []]


def test_each_cutoff_shows_what_came_before_it() -> None:
    found = seen(event("a", 30, value=1), event("a", 9, value=2), event("a", 1, value=3), event("b", 8, value=4), agos=(30, 7, 0))
    assert [values(found, cutoff) for cutoff in range(3)] == [[[], []], [[1, 2], [4]], [[1, 2, 3], [4]]]


def test_the_newest_events_that_are_not_known_yet_only_shorten_the_prefix() -> None:
    found = seen(event("a", 3, value=1), event("a", 2, known=-DAY, value=2), event("a", 1, known=-DAY, value=3))
    assert values(found) == [[1]]
    assert len(found.events.value) == 3


def test_a_late_event_is_a_hole_until_it_is_known() -> None:
    rows = [event("a", 20, value=1), event("a", 9, known=2, value=2), event("a", 8, value=3), event("b", 1, value=4)]
    found = seen(*rows, agos=(7, 3, 2, 0))
    assert [values(found, cutoff) for cutoff in range(4)] == [[[1, 3], []], [[1, 3], []], [[1, 2, 3], []], [[1, 2, 3], [4]]]
    assert found.events.value.tolist() == [1, 2, 3, 4, 1, 3, 1, 3]
    assert found.events.event_time[4:6].tolist() == found.events.event_time[[0, 2]].tolist()


def test_several_late_users_and_events_have_copies_of_their_own() -> None:
    rows = [event(user, ago, known=-1 if ago == 5 else None, value=ago) for user in "abc" for ago in (9, 5, 5, 1)]
    assert values(seen(*rows)) == [[9, 1]] * 3


def test_nobody_nothing_and_no_cutoff() -> None:
    assert seen().end.shape == (1, 0)
    assert values(seen(event("a", -1))) == [[]]
    assert seen(event("a", 1), agos=()).end.shape == (0, 1)


def test_cutoffs_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValueError, match="must ascend"):
        seen(event("a", 1), agos=(0, 7))
