from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.cutoff import EPOCH
from pipeline.source.local_time import clock_changes, to_utc

ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "UTC")
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)


def converted(zone: str, *local: str) -> list[str]:
    micros = [(datetime.fromisoformat(text) - NAIVE_EPOCH) // timedelta(microseconds=1) for text in local]
    instants = to_utc(zone)(pa.array(micros, pa.int64()))
    return [(NAIVE_EPOCH + timedelta(microseconds=each)).isoformat(" ") for each in instants.to_pylist()]


def test_spring_gap_is_moved_forward_by_the_gap() -> None:
    local = ("2026-03-29 01:59:59", "2026-03-29 02:00:00", "2026-03-29 02:30:00", "2026-03-29 02:59:59", "2026-03-29 03:00:00")
    utc = ["2026-03-29 00:59:59", "2026-03-29 01:00:00", "2026-03-29 01:30:00", "2026-03-29 01:59:59", "2026-03-29 01:00:00"]
    assert converted("Europe/Berlin", *local) == utc


def test_autumn_repeat_is_its_first_occurrence() -> None:
    local = ("2026-10-25 01:59:59", "2026-10-25 02:00:00", "2026-10-25 02:59:59", "2026-10-25 03:00:00")
    utc = ["2026-10-24 23:59:59", "2026-10-25 00:00:00", "2026-10-25 00:59:59", "2026-10-25 02:00:00"]
    assert converted("Europe/Berlin", *local) == utc


def test_nulls_stay_null() -> None:
    assert to_utc("Europe/Berlin")(pa.array([None, 0], pa.int64())).to_pylist() == [None, -3_600_000_000]


def test_no_rows() -> None:
    assert to_utc("Europe/Berlin")(pa.array([], pa.int64())).to_pylist() == []


def test_a_zone_without_changes_has_one_offset() -> None:
    starts, offsets = clock_changes("UTC")
    assert len(starts) == 0
    assert offsets.tolist() == [0]


@pytest.mark.parametrize("zone", ZONES)
@settings(deadline=None)
@given(st.datetimes(datetime.fromisoformat("1971-01-02"), datetime.fromisoformat("2099-12-30")))
def test_it_agrees_with_the_time_zone_database(zone: str, local: datetime) -> None:
    expected = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC).replace(tzinfo=None)
    assert converted(zone, local.isoformat()) == [expected.isoformat(" ")]
