from typing import Any

import pytest

from features.definition import FAMILIES, Definition, slug
from features.feature_set import FAMILIES as COMPUTED

PLAIN: dict[str, Any] = {"event_types": ("view", "purchase"), "windows": (7, 30), "lookback_days": 30}


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("event_types", (), "distinct names, got none"),
        ("event_types", ("view", "view"), "distinct names, got view, view"),
        ("windows", (), "got none"),
        ("windows", (0, 7), "got 0, 7"),
        ("windows", (30, 7), "ascending and distinct, got 30, 7"),
        ("windows", (7, 7), "ascending and distinct, got 7, 7"),
        ("windows", (7, 60), "60 days is longer than the lookback of 30"),
        ("families", (), "recency, .*, got none"),
        ("families", ("recency", "astrology"), "got recency, astrology"),
        ("families", ("trend", "recency"), "in that order, got trend, recency"),
        ("families", ("recency", "recency"), "got recency, recency"),
        ("session_minutes", -1, "got -1"),
        ("categories", ("Home & Garden", "home_&_garden"), "'Home & Garden' and 'home_&_garden' would both be 'home___garden'"),
        ("categories", ("c", "c"), "would both be 'c'"),
        ("repeat_event", "refund", "'refund' is not one of view, purchase"),
        ("repeat_days", 0, "got 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(part: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Definition(**PLAIN | {part: value})


def test_every_family_can_be_asked_for_and_is_computed_in_that_order() -> None:
    assert Definition(**PLAIN).families == FAMILIES == tuple(COMPUTED)


@pytest.mark.parametrize(("category", "name"), [("Toys", "toys"), ("R&D 2", "r_d_2"), ("Ölfarben", "_lfarben"), ("²", "_")])
def test_a_category_in_a_name_has_letters_and_digits_only(category: str, name: str) -> None:
    assert slug(category) == name
