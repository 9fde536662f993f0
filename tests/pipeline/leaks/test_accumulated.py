from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from pipeline.leaks.accumulated import check_values, rank_correlation

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 300
USERS = [f"u{day % 60}" for day in range(DAYS)]


def events(values: np.ndarray, kind: str = "post") -> pl.DataFrame:
    times = [START + timedelta(days=day) for day in range(len(values))]
    return pl.DataFrame(
        {"user_id": USERS[: len(values)], "event_time": times, "event_type": kind, "value": values},
        schema_overrides={"event_time": pl.Datetime("us", "UTC"), "value": pl.Int64},
    )


def passed(frame: pl.DataFrame) -> dict[str, bool]:
    return {f"{found.check}, {found.subject}": found.passed for found in check_values(frame, 0.15, 7)}


PLANTED = {"planted, a value that went on growing": True}
RANDOM = np.random.default_rng(7)


def test_values_that_do_not_know_their_age_pass() -> None:
    assert passed(events(RANDOM.integers(1, 1000, DAYS))) == {"accumulated, value of post": True, **PLANTED}


def test_views_that_were_counted_at_the_end_do_not() -> None:
    counted = RANDOM.poisson(np.arange(DAYS)[::-1] / 10)
    assert passed(events(counted)) == {"accumulated, value of post": False, **PLANTED}


def test_prices_that_rise_are_honest() -> None:
    assert passed(events(np.arange(DAYS)))["accumulated, value of post"]


def test_each_event_type_is_judged_by_itself() -> None:
    frame = pl.concat([events(RANDOM.integers(1, 1000, DAYS), "sale"), events(np.arange(DAYS)[::-1], "post")])
    assert passed(frame) == {"accumulated, value of post": False, "accumulated, value of sale": True, **PLANTED}


def test_few_values_say_nothing() -> None:
    assert passed(events(np.arange(99)[::-1])) == {}
    assert passed(events(np.arange(DAYS)).with_columns(value=pl.lit(None, dtype=pl.Int64))) == PLANTED


def test_a_constant_value_is_not_correlated() -> None:
    assert rank_correlation(np.ones(5), np.arange(5.0), np.arange(5)).value == 0


def test_it_is_spearmans_and_its_error_is_right_for_independent_users() -> None:
    one, two = RANDOM.normal(size=(2, 500))
    found = rank_correlation(one, one + two, np.arange(500))
    assert found.value == pytest.approx(spearmanr(one, one + two).statistic)
    resampled = [
        rank_correlation(one[drawn], (one + two)[drawn], np.arange(500)).value for drawn in RANDOM.integers(0, 500, size=(400, 500))
    ]
    assert found.error == pytest.approx(np.std(resampled), rel=0.25)
