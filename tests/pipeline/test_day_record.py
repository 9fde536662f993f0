from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.day_record import DayRecord, new_run_id, started_at

AT = datetime(2026, 1, 5, 2, 15, 0, 123456, tzinfo=UTC)
FULL = DayRecord(
    date(2026, 1, 5),
    "run",
    rows=10,
    accepted=6,
    quarantined=3,
    duplicates=1,
    late=2,
    readmitted=1,
    by_type={"view": 6},
    repeated={"view": 1},
    newest=1_767_600_000_000_000,
    columns={"events": {"user 🛒": "text"}},
)


@pytest.mark.parametrize("record", [FULL, DayRecord(date(1970, 1, 1), "run", 0, 0, 0, 0, 0)])
def test_a_record_reads_back_from_one_json_object(record: DayRecord) -> None:
    text = record.to_json()
    assert json.loads(text)["day"] == record.day.isoformat()
    assert DayRecord.from_json(text) == record


def test_run_ids_differ_and_sort_by_the_time_the_run_started() -> None:
    first, same, later = new_run_id(AT), new_run_id(AT), new_run_id(AT + timedelta(microseconds=1))
    assert first.startswith("20260105T021500123456Z-")
    assert first != same
    assert max(first, same) < later


@given(st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 – the zone is given beside
def test_a_run_id_says_when_its_run_started(at: datetime) -> None:
    assert started_at(new_run_id(at)) == at


@pytest.mark.parametrize("name", ["", "12-2026-01-05", "0f" * 16, "20260105T021500Z", "20261305T021500123456Z-1f0c9a3e"])
def test_other_names_say_nothing(name: str) -> None:
    assert started_at(name) is None
