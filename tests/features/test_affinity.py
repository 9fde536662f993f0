from typing import Any

import pytest

from features.affinity import affinity
from tests.features.literal import CUTOFF, HOUR, MICRO, Row, columns, event, observation


def look(user: str, ago: float, category: str | None, **others: Any) -> Row:
    return event(user, ago, category=category, **others)


def touch(user: str, ago: float, item: str | None) -> Row:
    return event(user, ago, item_id=item)


def test_the_top_category_and_how_far_the_events_concentrate_on_it() -> None:
    seen = observation(look("a", 9, "garden"), look("a", 5, "garden"), look("a", 4, "kitchen"), look("a", 2, "garden"), look("a", 1, None))
    found = columns(affinity, seen)
    assert found["top_category_share"] == [0.75]
    assert found["days_since_top_category"] == [2.0]
    assert found["category_concentration"] == [(2 * (9 + 1) - 16) / (16 * 1)]


@pytest.mark.parametrize(("categories", "concentration"), [("cc", 1.0), ("c", 1.0), ("cdcd", 0.0), ("cde", 0.0), ("ccccd", 0.36)])
def test_concentration_goes_from_all_alike_to_a_single_one(categories: str, concentration: float) -> None:
    seen = observation(*(look("a", 1 + place * HOUR, category) for place, category in enumerate(categories)))
    assert columns(affinity, seen)["category_concentration"] == [concentration]


@pytest.mark.parametrize("names", [("a", "b", "c"), ("c", "b", "a")])
def test_of_top_categories_with_as_many_events_the_last_touched_is_the_top(names: tuple[str, str, str]) -> None:
    first, second, once = names
    shop = (look("u", 5, first), look("u", 4, second), look("u", 3, first), look("u", 2, second), look("u", 1, once))
    found = columns(affinity, observation(*shop))
    assert (found["top_category_share"], found["days_since_top_category"]) == ([0.4], [2.0])


def test_events_on_an_item_touched_before() -> None:
    shop = (touch("a", 31, "x"), touch("a", 9, "x"), touch("a", 9, "x"), touch("a", 8, "y"), touch("a", 7, "x"), touch("a", 6, None))
    assert columns(affinity, observation(*shop, touch("b", 1, "x"), touch("c", 1, None)))["repeat_share"] == [0.5, 0.0, None]


def test_chosen_categories_in_the_lookback_and_each_window() -> None:
    shop = (look("a", 20, "Toys & Games"), look("a", 7, "Toys & Games"), look("a", 7, "x"), look("a", 1, None), look("b", 1, None))
    found = columns(affinity, observation(*shop, categories=("never", "Toys & Games"), lookback=60))
    assert {name: values for name, values in found.items() if "_in_" in name} == {
        "share_in_never": [0.0, None],
        "events_in_never_7d": [0, 0],
        "events_in_never_30d": [0, 0],
        "share_in_toys___games": [2 / 3, None],
        "events_in_toys___games_7d": [1, 0],
        "events_in_toys___games_30d": [2, 0],
    }


def test_the_latest_and_the_top_category_as_codes_of_the_chosen_ones() -> None:
    shop = (
        *(look("a", ago, category) for ago, category in ((9, "toys"), (8, "toys"), (2, "garden"), (1, None))),
        *(look("b", ago, category) for ago, category in ((9, "kitchen"), (8, "toys"), (7, "kitchen"))),
        look("c", 1, None),
        look("d", 31, "toys"),
        *(look("e", ago, category) for ago, category in ((3, "toys"), (2, "garden"))),
    )
    seen = observation(*shop, categories=("garden", "toys"))
    found = columns(affinity, seen)
    assert (found["latest_category"], found["top_category"]) == ([0, 2, None, None, 0], [1, 2, None, None, 0])
    features = {column.feature.name: column.feature for column in affinity(seen)}
    assert features["top_category"].levels == features["latest_category"].levels == ("garden", "toys", "another one")
    assert {feature.name for feature in features.values() if feature.levels} == {"latest_category", "top_category"}
    assert features["latest_category"].sentence == "most recent category: {value}|no events with a category in the last 30 days"


def test_without_chosen_categories_there_are_no_codes() -> None:
    assert not {"latest_category", "top_category"} & columns(affinity, observation(look("a", 1, "toys"))).keys()


def test_a_share_reaches_back_further_than_the_longest_window() -> None:
    found = columns(affinity, observation(look("a", 40, "c"), look("a", 1, "d"), categories=("c",), lookback=60))
    assert (found["share_in_c"], found["events_in_c_30d"]) == ([0.5], [0])


def test_the_cutoff_itself_and_what_is_not_yet_known_do_not_count() -> None:
    shop = (look("a", 0, "c", item_id="x"), look("b", 1, "c", item_id="x", known=-MICRO), look("c", 30 + MICRO, "c", item_id="x"))
    found = columns(affinity, observation(*shop, categories=("c",)))
    assert {name: values for name, values in found.items() if name.startswith("events")} == {
        "events_in_c_7d": [0, 0, 0],
        "events_in_c_30d": [0, 0, 0],
    }
    assert {tuple(values) for name, values in found.items() if not name.startswith("events")} == {(None, None, None)}


def test_a_late_event_counts_from_the_first_cutoff_that_knows_it() -> None:
    shop = (look("a", 5, "d", known=0.5, item_id="x"), look("a", 4, "c", item_id="x"), look("a", 3, "d", item_id="y"))
    seen = observation(*shop, cutoffs=(CUTOFF.plus_days(-1), CUTOFF), categories=("d",))
    found = [columns(affinity, seen, cutoff) for cutoff in (0, 1)]
    assert [each["share_in_d"] for each in found] == [[0.5], [2 / 3]]
    assert [each["repeat_share"] for each in found] == [[0.0], [1 / 3]]


def test_a_category_shows_in_its_sentence_without_what_a_sentence_means_by_it() -> None:
    seen = observation(event("a", 1), categories=("home|{value}",))
    features = [column.feature for column in affinity(seen) if column.feature.name == "events_in_home__value__7d"]
    assert [feature.sentence for feature in features] == ["{value} events in category home/(value) in the last 7 days"]
    (codes,) = (column.feature for column in affinity(seen) if column.feature.name == "top_category")
    assert codes.levels == ("home/(value)", "another one")
