from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.leaks.scrambled import scrambled
from pipeline.leaks.truncation import known_at
from tests.features.literal import CUTOFF, event, table

EVENTS = pl.DataFrame(
    table(
        event("a", 3),
        event("a", 1, known=-1, value=5),
        event("b", 2, "purchase", value=7, item_id="x"),
        event("b", 0, "purchase", value=8, item_id="y"),
        event("c", -1, category="k", session_id="s"),
        event("d", -2, item_id="z", category="l"),
    ).drop_columns("bucket")
)
HIDDEN = EVENTS.filter(~known_at(CUTOFF))
KNOWN = EVENTS.filter(known_at(CUTOFF))


def other(seed: int) -> pl.DataFrame:
    return scrambled(EVENTS, ~known_at(CUTOFF), CUTOFF, np.random.default_rng(seed))


def test_hidden_is_what_happens_or_becomes_known_too_late() -> None:
    assert HIDDEN["event_id"].to_list() == ["000001", "000003", "000004", "000005"]


@given(st.integers(0, 10_000))
def test_what_is_visible_stays_and_what_was_hidden_stays_hidden(seed: int) -> None:
    found = other(seed)
    assert found.filter(known_at(CUTOFF)).equals(KNOWN)
    assert len(found) == len(EVENTS)


@given(st.integers(0, 10_000))
def test_the_hidden_events_exchange_what_they_have(seed: int) -> None:
    found = other(seed).filter(~known_at(CUTOFF))
    assert set(found["user_id"]) <= set(HIDDEN["user_id"])
    for name in ("event_type", "item_id", "category", "value", "session_id"):
        assert found[name].sort(nulls_last=True).equals(HIDDEN[name].sort(nulls_last=True))
    pairs = {(item, category) for item, category in HIDDEN.select("item_id", "category").iter_rows()}
    assert {(item, category) for item, category in found.select("item_id", "category").iter_rows()} <= pairs
    assert (found["available_at"] >= found["event_time"]).all()


def test_users_do_not_keep_the_number_of_their_hidden_events() -> None:
    counts = {tuple(sorted(other(seed).filter(~known_at(CUTOFF))["user_id"].to_list())) for seed in range(20)}
    assert len(counts) > 5


def test_without_anything_hidden_nothing_changes() -> None:
    assert scrambled(KNOWN, ~known_at(CUTOFF), CUTOFF, np.random.default_rng(7)).equals(KNOWN)


def test_it_is_another_future_and_the_same_for_the_same_seed() -> None:
    found = other(7).filter(~known_at(CUTOFF))
    assert any(not found[name].equals(HIDDEN[name]) for name in ("user_id", "value"))
    assert not found["event_time"].sort().equals(HIDDEN["event_time"].sort())
    assert other(7).equals(other(7))
