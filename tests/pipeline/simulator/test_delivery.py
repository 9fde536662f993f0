from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from pipeline.simulator.delivery import Batches, instant, user_ids
from pipeline.simulator.oracle import Oracle
from pipeline.simulator.shop import simulate
from pipeline.simulator.world import World

FIRST, DAYS = date(2025, 12, 20), 20


@pytest.fixture
def shop(tiny: World) -> tuple[Batches, Oracle]:
    return simulate(tiny, 300, DAYS, FIRST, 3)


def batch_of_row(batches: Batches) -> np.ndarray:
    return np.searchsorted(batches.ends, np.arange(len(batches.rows)), side="right")


def real(batches: Batches) -> pl.DataFrame:
    rows = batches.rows.with_columns(batch=pl.Series(batch_of_row(batches)))
    return rows.filter(pl.col("event_id").str.starts_with("e"))


def test_a_batch_holds_what_arrives_on_its_day(shop: tuple[Batches, Oracle]) -> None:
    rows = real(shop[0]).unique("event_id", keep="first", maintain_order=True)
    end_of_batch = [instant(FIRST, day + 1) for day in rows["batch"]]
    assert pl.Series(end_of_batch).dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list() == rows["available_at"].to_list()
    assert (rows["event_time"] < rows["available_at"]).all()


def test_late_events_come_days_after_they_happened(shop: tuple[Batches, Oracle], tiny: World) -> None:
    batches = shop[0]
    rows = real(batches).unique("event_id", keep="first")
    lateness = pl.Series([instant(FIRST, day).date() for day in rows["batch"]]) - rows["event_time"].str.to_date("%Y-%m-%dT%H:%M:%SZ")
    days = lateness.dt.total_days()
    assert set(days) == {0, 1, 2}
    assert (days > 0).sum() == batches.late
    assert (days.filter(rows["event_type"] == "cancel") == 0).all()


def test_a_duplicate_is_the_same_row_in_the_same_or_the_next_batch(shop: tuple[Batches, Oracle]) -> None:
    batches = shop[0]
    rows = real(batches)
    distinct = rows.drop("batch").unique()
    assert len(distinct) == distinct["event_id"].n_unique() == batches.events
    assert len(rows) - batches.events == batches.duplicates > 100
    spread = rows.group_by("event_id").agg(pl.col("batch").max() - pl.col("batch").min(), pl.len())
    assert set(spread.filter(pl.col("len") == 2)["batch"]) == {0, 1}
    assert spread["len"].max() == 2


def test_broken_rows_are_extra_and_each_breaks_one_rule(shop: tuple[Batches, Oracle]) -> None:
    batches = shop[0]
    broken = batches.rows.filter(pl.col("event_id").str.starts_with("x"))
    faults = broken.select(
        user=pl.col("user_id").is_null(),
        time=pl.col("event_time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False).is_null(),
        kind=~pl.col("event_type").is_in(["view", "cart", "purchase", "cancel"]),
    )
    assert (faults.sum_horizontal() == 1).all()
    assert min(faults.sum().row(0)) >= batches.broken // 3
    assert len(broken) == batches.broken == round(0.05 * batches.events)
    assert len(batches.rows) == batches.events + batches.duplicates + batches.broken


def test_a_cancellation_names_its_purchase(shop: tuple[Batches, Oracle]) -> None:
    rows = real(shop[0]).unique("event_id")
    undone = rows.filter(pl.col("event_type") == "cancel").with_columns(pl.col("event_id").str.strip_suffix("-undone"))
    pairs = undone.join(
        rows.filter(pl.col("event_type") == "purchase"), on=["event_id", "user_id", "item_id", "category"], suffix="_bought"
    )
    assert len(pairs) == len(undone) > 20
    assert (pairs["value"] == -pairs["value_bought"]).all()
    assert (pairs["batch"] > pairs["batch_bought"]).all()
    assert pairs["session_id"].is_null().all()


def test_only_purchases_and_cancellations_carry_a_value(shop: tuple[Batches, Oracle]) -> None:
    rows = real(shop[0])
    assert (rows["value"].is_null() == rows["event_type"].is_in(["view", "cart"])).all()
    assert (rows.filter(pl.col("event_type") == "purchase")["value"] > 0).all()
    cents = rows["value"].drop_nulls() * 100
    assert cents.to_list() == pytest.approx(cents.round().to_list())


def test_a_user_lives_in_one_country_as_the_last_digit_says(shop: tuple[Batches, Oracle]) -> None:
    users = shop[0].rows.drop_nulls("user_id").group_by("user_id").agg(pl.col("segment").unique())
    lives: dict[str, set[str]] = {digit: set() for digit in "0123456789"}
    for user, countries in users.rows():
        lives[user[-1]] |= set(countries)
    assert [lives[digit] for digit in "0123456789"] == [{"Arland"}] * 5 + [{"Berania"}] * 3 + [{"Cosmar"}] * 2


def test_ids_of_events_and_sessions_count_deliveries_and_show_no_gap(shop: tuple[Batches, Oracle]) -> None:
    rows = real(shop[0]).unique("event_id", keep="first", maintain_order=True)
    own = rows.filter(~pl.col("event_id").str.ends_with("-undone"))
    assert own["event_id"].is_sorted()
    sessions = own["session_id"].unique(maintain_order=True)
    assert sessions.to_list() == [f"s{number:08d}" for number in range(len(sessions))]


def test_whatever_happened_and_arrived_is_delivered(shop: tuple[Batches, Oracle]) -> None:
    batches, oracle = shop
    assert batches.events == (oracle.activity.events.arrived < DAYS).sum()
    assert batches.users == real(batches)["user_id"].n_unique()


def test_what_would_arrive_after_the_last_day_is_left_out(tiny: World) -> None:
    batches, oracle = simulate(replace(tiny, lateness=(0.0, 0.0, 1.0)), 50, 3, FIRST, 1)
    assert batches.ends.tolist()[:2] == [0, 0]
    assert batches.events == (oracle.activity.sessions.day == 0)[oracle.activity.events.session].sum() > 0


def test_ids_and_midnights() -> None:
    assert user_ids(2).to_list() == ["u000000", "u000001"]
    assert instant(date(2025, 12, 31), 1) == datetime(2026, 1, 1, tzinfo=UTC)
