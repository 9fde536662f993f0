"""Raw rows made in the test, and what the judge makes of them, as plain values."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.config_source import OWN_STREAM
from pipeline.day_record import DayRecord
from pipeline.source.batch import Batch, to_batch
from pipeline.source.delivery import Delivery
from pipeline.source.rows import Rows

DAY = date(2026, 3, 29)
NAMES = ("user", "time", "kind", "item", "value", "note")
TIME = "2026-03-29 10:00:00"

Cells = Sequence[str | None]


def row(user: str | None, time: str | None = TIME, kind: str | None = "view", *rest: str | None) -> Cells:
    """A row of `NAMES`; what is not given is empty."""
    return (user, time, kind, *rest, *("",) * (len(NAMES) - 3 - len(rest)))


def delivery(
    *rows: Cells,
    names: Sequence[str] = NAMES,
    stream: str = OWN_STREAM,
    faults: Mapping[int, str] | None = None,
    texts: Mapping[int, str] | None = None,
    lines: Sequence[int] | None = None,
    header: bool = True,
    back: datetime | None = None,
    chunk: int = 3,
    place: str = "day.csv",
) -> Delivery:
    """Rows from line 2 on, in small chunks. `faults` and `texts` are by line; a line at fault has no cells."""
    numbers = list(lines or range(2, len(rows) + 2))
    columns = {
        "line": pa.array(numbers, pa.int64()),
        "fault": pa.array([(faults or {}).get(line) for line in numbers], pa.string()),
        "text": pa.array([(texts or {}).get(line) for line in numbers], pa.string()),
        **{f"c{position}": pa.array([each[position] for each in rows], pa.string()) for position in range(len(names))},
    }
    found = Rows(place, dict.fromkeys(names, "text"), header, chunks_of(pa.table(columns), chunk))
    return Delivery(stream, found, Cutoff(back) if back else None)


def chunks_of(table: pa.Table, chunk: int) -> Iterator[pa.Table]:
    return (table.slice(start, chunk) for start in range(0, table.num_rows, chunk))


@dataclass(frozen=True)
class Judged:
    """A batch, read back."""

    batch: Batch
    events: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    bytes: bytes

    @property
    def record(self) -> DayRecord:
        return self.batch.record

    @property
    def rules(self) -> dict[int, str]:
        """Broken rules by row."""
        return {row["row"]: row["rule"] for row in self.refused}

    @property
    def dataset(self) -> pads.Dataset:
        return pads.dataset(pq.read_table(pa.BufferReader(self.bytes)))

    def column(self, name: str) -> list[Any]:
        return [event[name] for event in self.events]

    def by_user(self, name: str) -> dict[str, Any]:
        return {event["user_id"]: event[name] for event in self.events}


def judge(config: Config, *deliveries: Delivery, day: date = DAY, run_id: str = "run", **more: Any) -> Judged:
    """The deliveries as a batch, its files read and gone."""
    with tempfile.TemporaryDirectory() as name:
        batch = to_batch(config, Path(name), day, run_id, deliveries, **more)
        assert batch is not None
        events, refused = (pq.read_table(path, page_checksum_verification=True) for path in (batch.events, batch.refused))
        return Judged(batch, events.to_pylist(), refused.to_pylist(), batch.events.read_bytes())
