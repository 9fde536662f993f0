from features.recency import recency
from tests.features.literal import CUTOFF, HOUR, MICRO, columns, event, observation


def test_days_since_the_last_event_of_each_kind() -> None:
    found = columns(recency, observation(event("a", 10, "purchase"), event("a", 1.5), event("b", HOUR)))
    assert found == {"days_since_any": [1.5, HOUR], "days_since_view": [1.5, HOUR], "days_since_purchase": [10.0, None]}


def test_the_cutoff_itself_the_future_and_what_is_not_yet_known_do_not_count() -> None:
    seen = observation(event("a", 3), event("a", 0), event("a", -1), event("a", 1, known=-MICRO), event("b", 31))
    assert columns(recency, seen)["days_since_any"] == [3.0, None]


def test_an_event_exactly_where_the_lookback_begins_counts() -> None:
    assert columns(recency, observation(event("a", 30), event("b", 30 + MICRO)))["days_since_any"] == [30.0, None]


def test_the_only_event_ever_and_ties_are_as_any_other() -> None:
    found = columns(recency, observation(event("a", 2, "purchase"), event("b", 2), event("b", 2, "purchase"), event("b", 2)))
    assert found == {"days_since_any": [2.0, 2.0], "days_since_view": [None, 2.0], "days_since_purchase": [2.0, 2.0]}


def test_each_cutoff_looks_back_from_itself() -> None:
    seen = observation(event("a", 9), event("a", 2), cutoffs=(CUTOFF.plus_days(-7), CUTOFF.plus_days(-2), CUTOFF))
    assert [columns(recency, seen, cutoff)["days_since_any"] for cutoff in range(3)] == [[2.0], [7.0], [2.0]]


def test_nobody_has_every_column() -> None:
    assert columns(recency, observation()) == {"days_since_any": [], "days_since_view": [], "days_since_purchase": []}


def test_sentences_name_the_kind() -> None:
    sentences = [column.feature.sentence for column in recency(observation(event("a", 1), types=("view", "add_to_cart")))]
    assert sentences[0] == "{value} days since the last event|no events in the last 30 days"
    assert sentences[2] == "{value} days since the last add to cart event|no add to cart events in the last 30 days"
