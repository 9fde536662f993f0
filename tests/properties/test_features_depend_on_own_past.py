"""A row of the feature matrix depends on its user's own visible events alone, to the last bit."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.contract import bucket_of
from features.sequences import gather
from features.timeline import from_events
from features.vocabulary import Vocabulary
from tests.features.literal import CUTOFF, MICRO, TYPES, Row, event, table
from tests.properties.shops import FEATURES, SHOPS, events, numbered

VOCABULARY = Vocabulary(("x", "y"), ("c",))


def rows_of(shop: list[Row]) -> dict[str, bytes]:
    """Each seen user's features and sequence as bytes."""
    view = from_events(table(*shop), TYPES).as_of(CUTOFF)
    matrix = FEATURES.at(view, CUTOFF)
    steps = gather(view, np.arange(view.users, dtype=np.int64), CUTOFF, 5, VOCABULARY)
    arrays = (matrix, steps.event_type, steps.item, steps.category, steps.numbers)
    seen = np.flatnonzero(np.diff(view.offsets))
    return {view.user_ids[user]: b"".join(array[user].tobytes() for array in arrays) for user in seen}


@given(SHOPS, st.randoms(use_true_random=False))
def test_order_of_the_rows_changes_no_bit(shop: list[Row], chance: random.Random) -> None:
    assert rows_of(chance.sample(shop, len(shop))) == rows_of(shop)


@given(SHOPS, st.integers(1, 5))
def test_number_of_buckets_changes_no_bit(shop: list[Row], buckets: int) -> None:
    found = {}
    for bucket in range(buckets):
        found |= rows_of([row for row in shop if bucket_of(row["user_id"], buckets) == bucket])
    assert found == rows_of(shop)


@given(SHOPS, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**13)), max_size=10))
def test_future_events_change_no_bit(shop: list[Row], later: list[tuple[str, int]]) -> None:
    future = numbered([event(user, -micros * MICRO, "purchase", item_id="new", value=1) for user, micros in later], "f")
    assert rows_of(shop + future) == rows_of(shop)


@given(SHOPS, st.lists(events(), max_size=10))
def test_events_not_yet_known_change_no_bit(shop: list[Row], unknown: list[Row]) -> None:
    hidden = [{**row, "available_at": CUTOFF.micros + 1} for row in numbered(unknown, "h")]
    assert rows_of(shop + hidden) == rows_of(shop)


@given(SHOPS, st.lists(events(users="AbZ"), max_size=10))
def test_other_users_change_no_bit(shop: list[Row], others: list[Row]) -> None:
    strangers = [{**row, "user_id": row["user_id"] + "-stranger"} for row in numbered(others, "o")]
    with_them = rows_of(shop + strangers)
    assert {user: with_them[user] for user in with_them if not user.endswith("-stranger")} == rows_of(shop)
