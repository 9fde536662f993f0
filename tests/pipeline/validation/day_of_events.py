"""A valid day of events, to be changed by a test, and the days before it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import EVENTS
from features.cutoff import Cutoff
from pipeline.day_record import DayRecord
from pipeline.source.batch import READMITTED, Batch

DAY = date(2026, 1, 31)
MORNING = datetime(2026, 1, 31, 8, tzinfo=UTC)
END = Cutoff(datetime(2026, 2, 2, tzinfo=UTC))
"""The first instant too late for an event of `DAY`: its end and a tolerance of a day."""


def events(count: int = 4, day: date = DAY, **changed: list[Any]) -> pa.Table:
    """Valid events of the day, one a minute from 8 on; keywords replace columns."""
    morning = MORNING + (day - DAY)
    columns: dict[str, list[Any]] = {
        "event_id": [f"e{row}" for row in range(count)],
        "user_id": [f"user-{row % 2}" for row in range(count)],
        "event_time": [morning + timedelta(minutes=row) for row in range(count)],
        "available_at": [morning + timedelta(days=1)] * count,
        "event_type": ["view"] * count,
        "item_id": ["apple"] * count,
        "category": [None] * count,
        "value": [10_000] * count,
        "session_id": [None] * count,
        "segment": [None] * count,
        "bucket": [0] * count,
    }
    nullable = pa.schema([field.with_nullable(True) for field in EVENTS])
    return pa.table({**columns, **changed}, schema=nullable)


def record(day: date = DAY, accepted: int = 4, quarantined: int = 0, **by_type: int) -> DayRecord:
    """What a day with so many rows says of itself; keywords count its events by type, else all are views."""
    rows = accepted + quarantined
    return DayRecord(day, "run", rows, accepted, quarantined, duplicates=0, late=0, by_type=by_type or {"view": accepted})


def staged(folder: Path, table: pa.Table, day: date = DAY, quarantined: int = 0) -> Batch:
    """A batch of these events, in a file in `folder`."""
    path = folder / "events.parquet"
    pq.write_table(table, path)
    return Batch(record(day, table.num_rows, quarantined), path, folder / "refused.parquet", READMITTED.empty_table())


def days_before(count: int, accepted: int = 4, **by_type: int) -> list[DayRecord]:
    """Records of the `count` days before `DAY`, ascending."""
    return [record(DAY - timedelta(days=back), accepted, **by_type) for back in range(count, 0, -1)]
