from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from features.contract import EVENTS
from pipeline.config_source import Validation
from pipeline.ingestion.commit import commit
from pipeline.ingestion.days import CommittedDays, partition, side_file
from pipeline.lake import Lake
from tests.pipeline.ingestion.literal_batches import FIRST, batch, run_id


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def put(lake: Lake, tmp_path: Path, *numbers: int, run: int = 1, users: tuple[str, ...] = ("u1",), back: tuple[str, ...] = ()) -> None:
    for number in numbers:
        day = FIRST + timedelta(days=number)
        made = batch(tmp_path / f"{number}-{run}", day, run, users=users, back=back, refused={2: "line"} if run > 1 else {})
        commit(lake, made, expected=lake.version("events"), report_url="")


def test_a_new_lake_has_no_days(lake: Lake) -> None:
    days = CommittedDays(lake)
    assert (days.version, days.runs) == (None, {})
    assert days.record(FIRST) is None
    assert list(days.earlier(FIRST)) == []
    assert days.events(FIRST, FIRST) is None
    assert days.readmitted(FIRST) is None


def test_the_current_run_of_a_day_counts_once_it_is_seen(lake: Lake, tmp_path: Path) -> None:
    put(lake, tmp_path, 0, 1)
    days = CommittedDays(lake)
    put(lake, tmp_path, 0, run=2, users=("u1", "u2"), back=("u2",))
    assert (days.version, days.runs) == (1, {FIRST: run_id(1), FIRST + timedelta(days=1): run_id(1)})
    days.refresh()
    assert days.version == 2
    assert days.runs[FIRST] == run_id(2)
    record = days.record(FIRST)
    assert record is not None
    assert (record.run_id, record.accepted, record.readmitted) == (run_id(2), 2, 1)
    returned = days.readmitted(FIRST)
    assert returned is not None
    assert returned["event_id"].to_pylist() == ["u2"]
    refused = days.side_file("refused", FIRST)
    assert refused is not None
    with refused:
        assert refused.metadata.num_rows == 1
    assert days.side_file("refused", FIRST + timedelta(days=1)) is None


def test_earlier_days_come_newest_first_and_only_those_with_a_record(lake: Lake, tmp_path: Path) -> None:
    put(lake, tmp_path, 3, 0, 1)
    part = lake.write_part("events", partition(FIRST + timedelta(days=2)), "of-an-older-release", EVENTS.empty_table())
    lake.commit("events", EVENTS, partition(FIRST + timedelta(days=2)), [part], metadata={})
    days = CommittedDays(lake)
    assert days.record(FIRST + timedelta(days=2)) is None
    assert [record.day.day for record in days.earlier(date(2026, 1, 8))] == [6, 5]
    assert [record.day.day for record in days.earlier(date(2026, 1, 9))] == [8, 6, 5]


def test_history_ascends_and_reaches_as_far_as_any_threshold_looks(lake: Lake, tmp_path: Path) -> None:
    put(lake, tmp_path, *range(0, 60, 4))
    days, last = CommittedDays(lake), FIRST + timedelta(days=56)
    found = [(last - record.day).days for record in days.history(last, Validation(volume_weeks=1, present_within_days=3))]
    assert found == [12, 8, 4]
    found = [(last - record.day).days for record in days.history(last, Validation(volume_weeks=1, present_within_days=20))]
    assert found == list(range(40, 0, -4))


def test_events_are_those_of_the_days_at_the_version_seen(lake: Lake, tmp_path: Path) -> None:
    for number in range(4):
        put(lake, tmp_path, number, users=(f"u{number}",))
    days = CommittedDays(lake)
    put(lake, tmp_path, 1, run=2, users=("later",))
    found = days.events(FIRST + timedelta(days=1), FIRST + timedelta(days=2))
    assert found is not None
    assert sorted(found.to_table(["user_id"])["user_id"].to_pylist()) == ["u1", "u2"]
    assert days.events(FIRST - timedelta(days=9), FIRST - timedelta(days=1)) is None


def test_side_files_lie_by_day_and_run() -> None:
    assert side_file("refused", FIRST, "run") == "refused/day=2026-01-05/run.parquet"
    assert partition(FIRST) == {"day": "2026-01-05"}
