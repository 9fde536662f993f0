"""After 400 nights a lake holds as few files as after a few, but for one file a day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contract import EVENTS
from pipeline.lake import Lake
from pipeline.timeline_bucket import SCHEMA
from pipeline.timelines import refresh
from tests.features.literal import event
from tests.pipeline.ingested import InProcess, configuration, ingest_batch
from tests.pipeline.lake_ages import days_pass

WEEK = 7
BUCKETS = 2
KEPT = 3
FIRST = date(2026, 1, 1)


def data_files(lake: Lake, table: str) -> int:
    return len([path for path in Path(lake.uri(table)).rglob("*.parquet") if path.parent.name != "_delta_log"])


def log_files(lake: Lake, table: str) -> int:
    return len(list(Path(lake.uri(table), "_delta_log").iterdir()))


def die(lake: Lake, day: str) -> None:
    """An ingest and a refresh that leave a part behind, and never come back."""
    lake.write_part("events", {"day": day}, f"dead-{day}", EVENTS.empty_table())
    lake.write_part("timelines", {"bucket": "0"}, f"dead-{day}", SCHEMA.empty_table())


@pytest.mark.parametrize("nights", [35, pytest.param(400, marks=pytest.mark.slow)])
def test_files_stay_few(tmp_path: Path, nights: int) -> None:
    """Every fifth night a day of the past is ingested again, every fourth a run dies. Time passes week by week."""
    config = configuration(tmp_path, lake={"buckets": BUCKETS, "keep_versions": KEPT, "retention_days": WEEK})
    lake, refused = Lake(config.lake_url), tmp_path / "refused.parquet"
    pq.write_table(pa.table({"row": [1]}), refused)
    for night in range(nights):
        days = [str(FIRST + timedelta(days=night)), *([str(FIRST + timedelta(days=night // 2))] if night % 5 == 0 else [])]
        for day in days:
            ingest_batch(config, day, [event(f"u{night % 9}", nights - night, event_id=str(night))], buckets=BUCKETS)
            lake.put_file(f"refused/day={day}/{lake.names('events')[day]}.parquet", refused)
        if night % 4 == 0:
            die(lake, days[0])
        refresh(lake, config, InProcess(), show=False)
        lake.tidy("events", keep_versions=None, retention_days=config.lake.retention_days)
        lake.tidy_files("refused", lake.names("events"), retention_days=config.lake.retention_days)
        if night % WEEK == WEEK - 1:
            check_bounds(lake, night + 1)
            days_pass(lake, WEEK)
    assert len(lake.partitions("events")) == nights
    assert lake.scan("timelines", version=lake.version("timelines") or 0).count_rows() > 0


def check_bounds(lake: Lake, days: int) -> None:
    """What was replaced or died this week and the last is still there: time passes for a whole week at once."""
    replaced, dead = 2 * WEEK // 5 + 1, 2 * WEEK // 4 + 1
    assert data_files(lake, "events") <= days + replaced + dead
    assert data_files(lake, "timelines") <= BUCKETS * KEPT + dead
    assert len(lake.list_files("refused")) <= days + replaced
    commits = 35 + 35 // 5
    for table in ("events", "timelines"):
        assert log_files(lake, table) <= commits + 2 * 20 + commits // 20 + 4
