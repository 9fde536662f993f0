from features.recency import recency
from tests.features.literal import HOUR, MICRO, columns, event, observation


def test_days_since_the_last_event_of_each_kind() -> None:
    found = columns(recency, observation(event("a", 10, "purchase"), event("a", 1.5), event("b", HOUR)))
    assert found == {"days_since_any": [1.5, HOUR], "days_since_view": [1.5, HOUR], "days_since_purchase": [10.0, None]}


def test_the_cutoff_itself_the_future_and_what_is_not_yet_known_do_not_count() -> None:
    seen = observation(event("a", 3), event("a", 0), event("a", -1), event("a", 1, known=-MICRO), event("b", 31))
    assert columns(recency, seen)["days_since_any"] == [3.0, None]


def test_sentences_name_the_kind() -> None:
    sentences = [column.feature.sentence for column in recency(observation(event("a", 1), types=("view", "add_to_cart")))]
    assert sentences[0] == "{value} days since the last event"
    assert sentences[2] == "{value} days since the last of the add to cart events"
