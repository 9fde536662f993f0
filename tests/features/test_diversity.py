from features.diversity import diversity
from tests.features.literal import columns, event, observation


def test_distinct_items_and_categories_per_window() -> None:
    seen = observation(
        event("a", 20, item_id="x", category="c"),
        event("a", 8, item_id="y", category="c"),
        event("a", 3, item_id="y", category="d"),
        event("a", 2, item_id="y", category=None),
        event("a", 1, item_id=None, category="d"),
        event("b", 1, item_id="x", category="c"),
    )
    assert columns(diversity, seen) == {"items_7d": [1, 1], "items_30d": [2, 1], "categories_7d": [1, 1], "categories_30d": [2, 1]}


def test_only_nulls_are_no_items() -> None:
    assert columns(diversity, observation(event("a", 1)))["items_7d"] == [0]


def test_two_users_with_one_item_have_one_each() -> None:
    assert columns(diversity, observation(event("a", 1, item_id="x"), event("b", 2, item_id="x")))["items_7d"] == [1, 1]


def test_an_item_seen_before_the_window_counts_again_within_it() -> None:
    found = columns(diversity, observation(event("a", 20, item_id="x"), event("a", 7, item_id="x"), event("a", 7, item_id="x")))
    assert (found["items_7d"], found["items_30d"]) == ([1], [1])


def test_what_is_not_visible_is_not_counted() -> None:
    seen = observation(event("a", 1, item_id="x"), event("a", 0, item_id="y"), event("a", 2, known=-1, item_id="z"))
    assert columns(diversity, seen)["items_30d"] == [1]
