"""The commit point: a day's events, refused rows and readmitted events become what counts, all at once."""

from __future__ import annotations

import pyarrow.parquet as pq

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.ingestion.days import TABLE, partition, side_file
from pipeline.lake import Lake
from pipeline.source.batch import Batch

COUNTS = ("rows", "accepted", "quarantined", "duplicates", "late", "readmitted")
SIDE_FILES = ("refused", "readmitted")


def counts(record: DayRecord) -> dict[str, int]:
    """The day in numbers."""
    return {name: getattr(record, name) for name in COUNTS}


def commit(lake: Lake, batch: Batch, *, expected: int | None, report_url: str) -> int:
    """Replace the day by the batch; the new version of `events`.

    The files beside `events` are written first: until the commit names their run they do not count, and after it they are there.
    `expected` is the version that the batch was judged against. Raises Busy if another run has committed the day since.
    """
    record, own = batch.record, partition(batch.record.day)
    refused, readmitted = (side_file(kind, record.day, record.run_id) for kind in SIDE_FILES)
    if record.quarantined:
        lake.put_file(refused, batch.refused)
    if batch.readmitted.num_rows:
        file = batch.events.with_name("readmitted.parquet")
        pq.write_table(batch.readmitted, file, compression="zstd", write_page_checksum=True)
        lake.put_file(readmitted, file)
    part = lake.put_part(TABLE, own, record.run_id, batch.events)
    numbers = {name: str(value) for name, value in counts(record).items()}
    metadata = {"run_id": record.run_id, **own, **numbers, "report_url": report_url}
    return lake.commit(TABLE, EVENTS, own, [part], metadata=metadata, expected=expected)


def tidy(config: Config, lake: Lake) -> None:
    """Delete what no version within `lake.retention_days` needs: files of `events`, and files beside it whose run does not count."""
    days = config.lake.retention_days
    lake.tidy(TABLE, keep_versions=None, retention_days=days)
    current = lake.names(TABLE)
    for kind in SIDE_FILES:
        lake.tidy_files(kind, current, retention_days=days)
