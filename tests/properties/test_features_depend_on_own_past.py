"""A row of the feature matrix depends on its user's own visible events alone, to the last bit."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.contract import bucket_of
from features.cutoff import Cutoff
from features.sequences import gather
from features.timeline import from_events
from features.vocabulary import Vocabulary
from tests.features.literal import CUTOFF, MICRO, TYPES, Row, event, table
from tests.properties.shops import CUTOFFS, FEATURES, SHOPS, events, numbered

VOCABULARY = Vocabulary(("x", "y"), ("c",))


def rows_of(shop: list[Row], upto: Cutoff = CUTOFF) -> dict[tuple[str, str], bytes]:
    """Features and sequence, as bytes, of each user seen at each cutoff up to one; features at all cutoffs in one go."""
    whole = from_events(table(*shop), TYPES)
    matrix = FEATURES.compute(whole, CUTOFFS)
    rows = {}
    for c, cutoff in enumerate(CUTOFFS):
        view = whole.as_of(cutoff)
        steps = gather(view, np.arange(view.users, dtype=np.int64), cutoff, 5, VOCABULARY)
        arrays = (steps.event_type, steps.item, steps.category, steps.numbers)
        for user in np.flatnonzero(np.diff(view.offsets)) if cutoff <= upto else ():
            rows[cutoff.key, view.user_ids[user]] = matrix[:, c, user].tobytes() + b"".join(array[user].tobytes() for array in arrays)
    return rows


@given(SHOPS, st.randoms(use_true_random=False))
def test_order_of_the_rows_changes_no_bit(shop: list[Row], chance: random.Random) -> None:
    assert rows_of(chance.sample(shop, len(shop))) == rows_of(shop)


@given(SHOPS, st.integers(1, 5))
def test_number_of_buckets_changes_no_bit(shop: list[Row], buckets: int) -> None:
    found: dict[tuple[str, str], bytes] = {}
    for bucket in range(buckets):
        found |= rows_of([row for row in shop if bucket_of(row["user_id"], buckets) == bucket])
    assert found == rows_of(shop)


@given(SHOPS, st.sampled_from(CUTOFFS), st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**13)), max_size=10))
def test_future_events_change_no_bit(shop: list[Row], cutoff: Cutoff, later: list[tuple[str, int]]) -> None:
    ahead = (CUTOFF.micros - cutoff.micros) * MICRO
    future = numbered([event(user, ahead - micros * MICRO, "purchase", item_id="new", value=1) for user, micros in later], "f")
    assert rows_of(shop + future, cutoff) == rows_of(shop, cutoff)


@given(SHOPS, st.sampled_from(CUTOFFS), st.lists(events(), max_size=10))
def test_events_not_yet_known_change_no_bit(shop: list[Row], cutoff: Cutoff, unknown: list[Row]) -> None:
    hidden = [{**row, "available_at": cutoff.micros + 1} for row in numbered(unknown, "h")]
    assert rows_of(shop + hidden, cutoff) == rows_of(shop, cutoff)


@given(SHOPS, st.lists(events(users="AbZ"), max_size=10))
def test_other_users_change_no_bit(shop: list[Row], others: list[Row]) -> None:
    strangers = [{**row, "user_id": row["user_id"] + "-stranger"} for row in numbered(others, "o")]
    with_them = rows_of(shop + strangers)
    assert {key: row for key, row in with_them.items() if not key[1].endswith("-stranger")} == rows_of(shop)


@given(SHOPS)
def test_other_cutoffs_and_what_was_cut_off_change_no_bit(shop: list[Row]) -> None:
    whole = from_events(table(*shop), TYPES)
    together = FEATURES.compute(whole, CUTOFFS)
    for c, cutoff in enumerate(CUTOFFS):
        alone = together[:, c].T.tobytes()
        assert FEATURES.at(whole, cutoff).tobytes() == alone
        assert FEATURES.at(whole.as_of(cutoff), cutoff).tobytes() == alone
