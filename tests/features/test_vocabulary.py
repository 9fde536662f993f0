import numpy as np
import pytest

from features.vocabulary import Vocabulary, fit
from tests.features.literal import CUTOFF, event, timeline

SHOP = [
    event("a", 5, item_id="rare", category="c"),
    event("a", 4, item_id="b-tie", category="c"),
    event("a", 3, item_id="a-tie"),
    event("b", 3, item_id="a-tie"),
    event("b", 2, item_id="b-tie"),
    event("b", -1, item_id="future"),
]


def test_most_frequent_first_and_ties_by_name() -> None:
    found = fit([timeline(*SHOP).as_of(CUTOFF)], max_items=2, max_categories=5)
    assert found == Vocabulary(("a-tie", "b-tie"), ("c",))


def test_buckets_and_their_order_change_nothing() -> None:
    whole = fit([timeline(*SHOP).as_of(CUTOFF)], max_items=9, max_categories=9)
    users = [timeline(*(row for row in SHOP if row["user_id"] == user)).as_of(CUTOFF) for user in ("b", "a")]
    assert fit(users, max_items=9, max_categories=9) == whole
    assert "future" not in whole.items


def test_ids_begin_at_two_and_unknown_is_one() -> None:
    vocabulary = Vocabulary(("x", "y"), ("c",))
    assert vocabulary.item_ids(np.array(["y", "?", "x"], dtype=object)).tolist() == [3, 1, 2]
    assert vocabulary.category_ids(np.array(["c", "x"], dtype=object)).tolist() == [2, 1]


def test_nothing_to_learn_from_is_an_empty_vocabulary() -> None:
    assert fit([], max_items=5, max_categories=5) == Vocabulary((), ())


def test_json_comes_back_equal() -> None:
    vocabulary = Vocabulary(("x", "é", '"quoted"'), ())
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@pytest.mark.parametrize(
    "text", ["[]", '{"items": []}', '{"items": [1], "categories": []}', '{"items": ["x", "x"], "categories": []}', "{"]
)
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Vocabulary.from_json(text)
