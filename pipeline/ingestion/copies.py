"""What people read of the lake's days: `quarantined_events` and `validation_runs`, replaced a day at a time, mended by every run.

A day's row of `validation_runs` is written last and names the run that it was copied from. Where that is not the run that counts,
for whatever reason, the day is copied again; so nothing that ends a run, anywhere, leaves a copy wrong for good.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config import Config
from pipeline.day_record import DayRecord, started_at
from pipeline.ingestion.days import TABLE, CommittedDays, partition, side_file
from pipeline.lake import Lake
from pipeline.source.batch import REFUSED, Batch
from pipeline.warehouse import Warehouse, open_warehouse

UNDATED = date(1970, 1, 1)
"""Batch of the rows whose day cannot be read: judged again by every run, never committed, for they belong to no day."""

STAMP = pa.timestamp("us", tz="UTC")
log = logging.getLogger(__name__)

COPIED_ROWS = 65_536
COPIED = "SELECT batch_date, run_id, passed FROM validation_runs"


def mend_copies(config: Config, lake: Lake, days: CommittedDays) -> int:
    """Copy every committed day whose copies are not those of the run that counts; how many there were.

    Raises Unreachable and Busy as `open_warehouse` does.
    """
    with open_warehouse(config) as warehouse:
        copied = {row["batch_date"]: row for row in warehouse.query(COPIED).to_pylist()}
        behind = [day for day, run_id in sorted(days.runs.items()) if _is_behind(copied.get(day), run_id)]
        for day in behind:
            _copy_day(warehouse, lake, days, day)
    return len(behind)


def copy_uncommitted(config: Config, batch: Batch, *, report_url: str | None) -> None:
    """Show a batch that does not count, from its own files: one that did not pass the gate, or that of the undated rows."""
    with open_warehouse(config) as warehouse, pq.ParquetFile(batch.refused) as refused:
        _replace(warehouse, batch.record, refused, {"passed": False, "report_url": report_url, "lake_version": None})


def clear_undated(config: Config) -> None:
    """Forget the undated rows of an earlier run, now that there are none."""
    with open_warehouse(config) as warehouse:
        if warehouse.query(f"{COPIED} WHERE batch_date = $1", [UNDATED]).num_rows:
            for table in ("quarantined_events", "validation_runs"):
                warehouse.replace(table, {"batch_date": UNDATED}, pa.RecordBatchReader.from_batches(pa.schema([]), ()))


def _is_behind(copied: dict[str, Any] | None, run_id: str) -> bool:
    """Whether what is copied is not what `run_id` committed. A run that was refused since then is news, and stays."""
    if started_at(run_id) is None:  # committed by a release that kept no record to copy
        return False
    if copied is None or copied["run_id"] is None:
        return True
    return bool(copied["run_id"] != run_id and (copied["passed"] or copied["run_id"] < run_id))


def _copy_day(warehouse: Warehouse, lake: Lake, days: CommittedDays, day: date) -> None:
    record = days.record(day)
    if record is None:
        return
    said = lake.metadata(TABLE, partition(day))
    version = said.get("version")
    outcome = {"passed": True, "report_url": said.get("report_url") or None, "lake_version": None if version is None else int(version)}
    refused = days.side_file("refused", day)
    if refused is None:
        if record.quarantined:  # the old copies stay, and every run says so again
            log.warning("the lake has lost %s: the copies of that day are not brought up to date", side_file("refused", day, record.run_id))
            return
        _replace(warehouse, record, None, outcome)
        return
    with refused:
        _replace(warehouse, record, refused, outcome)


def _replace(warehouse: Warehouse, record: DayRecord, refused: pq.ParquetFile | None, outcome: dict[str, Any]) -> None:
    key = {"batch_date": record.day}
    stamp = pa.scalar(started_at(record.run_id), STAMP)
    schema = REFUSED.append(pa.field("quarantined_at", STAMP))
    warehouse.replace("quarantined_events", key, pa.RecordBatchReader.from_batches(schema, _stamped(refused, stamp)))
    row = {
        **{name: getattr(record, name) for name in ("rows", "accepted", "quarantined", "duplicates", "late", "readmitted", "run_id")},
        "accepted_by_type": json.dumps(dict(record.by_type), sort_keys=True),
        "repeated_by_type": json.dumps(dict(record.repeated), sort_keys=True),
        **outcome,
    }
    warehouse.replace("validation_runs", key, pa.Table.from_pylist([row]))


def _stamped(refused: pq.ParquetFile | None, stamp: pa.Scalar) -> Iterator[pa.RecordBatch]:
    for batch in refused.iter_batches(COPIED_ROWS) if refused is not None else ():
        yield batch.append_column("quarantined_at", pa.repeat(stamp, batch.num_rows))
