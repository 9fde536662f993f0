"""One day of the source as a batch: every raw row becomes an accepted event, a refused row or a counted duplicate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from features.contract import EVENTS, TIMESTAMP
from pipeline.config import Config
from pipeline.day_record import FOOTER_KEY, DayRecord
from pipeline.errors import NightcastError
from pipeline.source.accepted import accept, record_of, returned, sorted_events
from pipeline.source.delivery import Delivery
from pipeline.source.duplicates import drop_known, find_duplicates, number_after
from pipeline.source.judging import TABLES, Tally, judge
from pipeline.source.session import open_session
from pipeline.source.staging import stage
from pipeline.source.verdicts import end_of_batch, latest_event

__all__ = ["READMITTED", "REFUSED", "Batch", "end_of_batch", "latest_event", "to_batch"]

REFUSED = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("stream", pa.string(), nullable=False),
        pa.field("place", pa.string(), nullable=False),
        pa.field("source_row", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
    ]
)
"""One row per refused row, by `row`.

row         unique in the batch: the line, plus the greatest line number of each delivery before it
place       where it came from, for people: `events/2026-01-05.csv.gz line 812`
source_row  the source's columns as a JSON object of texts; a JSON line as it came; {"line": …} for a line that is no row
reason      what is wrong, a sentence for each broken rule
rule        names of the broken rules, joined by commas
"""

READMITTED = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("available_at", TIMESTAMP, nullable=False),
    ]
)
"""Events of a day that came back from quarantine, and when they did."""


@dataclass(frozen=True)
class Batch:
    """A judged day, in local files that carry page checksums.

    record      what it says of itself: rows = accepted + quarantined + duplicates
    events      Parquet of `features.contract.EVENTS`, sorted by (bucket, user_id, event_time, available_at, event_id), no two of the
                same user and event_id; its footer holds the record
    refused     Parquet of `REFUSED`
    readmitted  `READMITTED`: all events of the day that came back from quarantine, those of earlier runs included
    """

    record: DayRecord
    events: Path
    refused: Path
    readmitted: pa.Table


def to_batch(
    config: Config,
    folder: Path,
    day: date,
    run_id: str,
    deliveries: Iterable[Delivery],
    *,
    known: pads.Dataset | None = None,
    base: tuple[pads.Dataset, DayRecord] | None = None,
    readmitted: pa.Table | None = None,
) -> Batch | None:
    """Judge the day's rows, a chunk in memory at a time; None if there are none.

    folder      private to this batch; its files, and what does not fit into memory, lie there
    known       events (user_id, event_id) of the days before, whose re-deliveries are dropped where a stream says so
    base        readmission: the day as it is committed, which stays bit for bit; the deliveries are its refused rows, all of them
    readmitted  `READMITTED` of earlier runs: those events are available when they came back, and not before

    An event's repeats that a stream keeps are told apart by the day and their number among themselves: `id-2026-03-29-2`.
    Raises ConfigError and SourceError as the mapping and the source do, NightcastError if a row would be lost or counted twice.
    """
    with open_session(folder / "spill", config.source.time_zone) as session:
        session.execute(TABLES).fetchall()
        tally = Tally()
        for delivery in deliveries:
            judge(session, config, day, delivery, tally)
        if not tally.rows and base is None:
            return None
        _find_duplicates(session, config, day, known, base[0] if base else None)
        accept(session, day, READMITTED.empty_table() if readmitted is None else readmitted)
        record = record_of(session, config, day, run_id, tally.rows, tally.columns)
        if base:
            record = _on_top(base[1], record)
        return _staged(session, folder, record, base[0] if base else None)


def _find_duplicates(
    session: duckdb.DuckDBPyConnection, config: Config, day: date, known: pads.Dataset | None, base: pads.Dataset | None
) -> None:
    policies = {stream.duplicates for stream in config.source.each.values()}
    find_duplicates(session)
    for earlier in (known, base):
        if earlier is not None and "drop" in policies:
            drop_known(session, earlier)
    if base is not None and "keep" in policies:
        number_after(session, base, day)


def _on_top(base: DayRecord, again: DayRecord) -> DayRecord:
    """The day's record after its refused rows were judged again: nothing new arrived, some rows are refused no more."""
    newest = [record.newest for record in (base, again) if record.newest is not None]
    return replace(
        base,
        run_id=again.run_id,
        accepted=base.accepted + again.accepted,
        quarantined=again.quarantined,
        duplicates=base.duplicates + again.duplicates,
        late=base.late + again.late,
        readmitted=base.readmitted + again.accepted,
        by_type=dict(Counter(base.by_type) + Counter(again.by_type)),
        repeated=dict(Counter(base.repeated) + Counter(again.repeated)),
        newest=max(newest, default=None),
    )


def _staged(session: duckdb.DuckDBPyConnection, folder: Path, record: DayRecord, base: pads.Dataset | None) -> Batch:
    _check(record, record.accepted, record.quarantined)
    back = session.sql(returned(with_earlier=base is not None)).to_arrow_table().cast(READMITTED)
    batch = Batch(record, folder / "events.parquet", folder / "refused.parquet", back)
    events = stage(session, sorted_events(session, base), EVENTS, batch.events, {FOOTER_KEY: record.to_json()})
    refused = stage(session, "SELECT * FROM refused ORDER BY row", REFUSED, batch.refused, {})
    _check(record, events, refused)
    return batch


def _check(record: DayRecord, accepted: int, quarantined: int) -> None:
    if record.rows != accepted + quarantined + record.duplicates:
        raise NightcastError(
            f"{record.day}: {record.rows:,} rows became {accepted:,} accepted + {quarantined:,} quarantined "
            f"+ {record.duplicates:,} duplicates",
            mend="this is a defect of Nightcast; nothing was committed, please report it",
        )
