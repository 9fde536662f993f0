import pytest

from features.labels import labels
from features.target import Target
from tests.features.literal import CUTOFF, DAY, MICRO, event, timeline

OCCURS = Target("t", "occurs", "purchase", horizon_days=7)
ABSENT = Target("t", "absent", "purchase", horizon_days=7)


@pytest.mark.parametrize(
    ("ago", "happened"),
    [(MICRO, 0), (0, 1), (-3 * DAY, 1), (-7 * DAY + MICRO, 1), (-7 * DAY, 0), (5 * DAY, 0)],
)
def test_the_window_includes_its_start_and_not_its_end(ago: float, happened: int) -> None:
    whole = timeline(event("a", ago, "purchase"))
    assert labels(whole, OCCURS, CUTOFF).tolist() == [happened]
    assert labels(whole, ABSENT, CUTOFF).tolist() == [1 - happened]


def test_a_gap_moves_the_window() -> None:
    whole = timeline(event("a", -1, "purchase"), event("b", -4, "purchase"), event("c", -10, "purchase"))
    assert labels(whole, Target("t", "occurs", "purchase", 7, gap_days=3), CUTOFF).tolist() == [0, 1, 0]


def test_only_the_asked_type_counts_and_any_means_all() -> None:
    whole = timeline(event("a", -1, "view"), event("b", -1, "purchase"))
    assert labels(whole, OCCURS, CUTOFF).tolist() == [0, 1]
    assert labels(whole, Target("t", "occurs", "any", 7), CUTOFF).tolist() == [1, 1]


def test_duplicates_and_late_arrival_do_not_matter() -> None:
    late = [event("a", -1, "purchase", known=-90), event("a", -1, "purchase", known=-90)]
    assert labels(timeline(*late), OCCURS, CUTOFF).tolist() == [1]


def test_labels_are_int8_for_every_user_also_the_silent() -> None:
    found = labels(timeline(event("a", 400), event("b", -1, "purchase")), ABSENT, CUTOFF)
    assert (found.dtype.name, found.tolist()) == ("int8", [1, 0])


def test_a_kind_without_yes_or_no_is_refused() -> None:
    with pytest.raises(ValueError, match="'spend' is of kind 'sum'"):
        labels(timeline(), Target("spend", "sum", "purchase", 7), CUTOFF)
