"""Judged batches from literal rows, as `pipeline.source.batch.to_batch` leaves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import EVENTS, bucket_of
from pipeline.config import Config
from pipeline.day_record import FOOTER_KEY, DayRecord
from pipeline.source.batch import READMITTED, REFUSED, Batch

FIRST = date(2026, 1, 5)
TARGET = {"kind": "occurs", "event_type": "view", "horizon_days": 7}
COLUMNS = {"user_id": "user", "event_time": "time", "event_type": "kind"}


def configuration(root: Path) -> Config:
    """A configuration whose lake and warehouse are in the folder."""
    source = {"files": "{date}.csv", "event_types": ["view"], "columns": COLUMNS}
    return Config.model_validate({"root": root, "source": source, "targets": {"t": TARGET}, "lake": {"buckets": 4}})


def run_id(number: int) -> str:
    """The id of the run that started so many seconds into the year."""
    return f"{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number):%Y%m%dT%H%M%S%fZ}-{number:08x}"


def batch(
    folder: Path,
    day: date,
    run: int,
    *,
    users: Sequence[str] = ("u1", "u2"),
    refused: Mapping[int, str] | None = None,
    back: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Batch:
    """A batch with one view of each user at ten o'clock, and these rows refused: number to rule. `back` are those readmitted."""
    refused, at = refused or {}, datetime.combine(day, time(10), UTC)
    found = DayRecord(
        day,
        run_id(run),
        rows=len(users) + len(refused),
        accepted=len(users),
        quarantined=len(refused),
        duplicates=0,
        late=0,
        readmitted=len(back),
        by_type=dict(Counter(["view"] * len(users))),
        columns={"events": dict(columns or {"user": "text"})},
    )
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"event_id": user, "user_id": user, "event_time": at, "available_at": at, "event_type": "view", "bucket": bucket_of(user, 4)}
        for user in users
    ]
    events = pa.Table.from_pylist(rows, EVENTS).replace_schema_metadata({FOOTER_KEY: found.to_json()})
    pq.write_table(events, folder / "events.parquet", write_page_checksum=True)
    wrong = [
        {
            "row": row,
            "stream": "events",
            "place": f"{day}.csv line {row}",
            "source_row": f'{{"user": "{row}"}}',
            "reason": f"broke {rule}",
            "rule": rule,
        }
        for row, rule in refused.items()
    ]
    pq.write_table(pa.Table.from_pylist(wrong, REFUSED), folder / "refused.parquet", write_page_checksum=True)
    returned = pa.Table.from_pylist([{"user_id": user, "event_id": user, "available_at": at} for user in back], READMITTED)
    return Batch(found, folder / "events.parquet", folder / "refused.parquet", returned)
