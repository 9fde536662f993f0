"""Raw events of one day, or of each day of a range, into the lake: read, judge, validate, commit, and copy what people read.

The commit of a day's partition of `events` is what counts; the warehouse's copies follow it and are replaced whole.
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from features.contract import EVENTS
from pipeline import clock
from pipeline.config import Config
from pipeline.errors import ConfigError, MissingInput, NoEvents, ValidationFailed
from pipeline.lake import Lake
from pipeline.progress import track
from pipeline.source.batch import Batch, latest_event
from pipeline.source.reading import EventSource, open_source
from pipeline.validation.gate import Gate, Verdict, open_gate
from pipeline.warehouse import open_warehouse

REMEMBERED_DAYS = 7
"""Days before the batch whose events count as already delivered."""

DAYS_PER_COPY = 30
"""Days of a range that are copied to the warehouse at a time; a longer range does not open it for each."""

COUNTS = ("rows", "accepted", "quarantined", "duplicates", "late")

log = logging.getLogger(__name__)


def run(config: Config, first: date, last: date, *, show: bool) -> dict[str, Any]:
    """Ingest the days from `first` to `last`, both included, in order; totals over the committed days.

    In a range, days without a file (or without rows of the table) are skipped and counted. Raises NoEvents when no day has any,
    ValidationFailed for the first day that does not pass the gate: nothing of that day is committed, the days before it stay.
    """
    if last < first:
        raise ConfigError(f"The range ends on {last}, before it begins on {first}", mend="pass --from with the earlier day")
    with open_warehouse(config):
        pass  # an unreachable warehouse is found before anything is committed
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightcast-ingest-")))
        source = stack.enter_context(open_source(config, folder))
        night = Ingestion(config, source, stack.enter_context(open_gate(config, folder)))
        try:
            for day in track(_days(first, last), "ingest", (last - first).days + 1, show):
                night.ingest(day)
        finally:
            night.copy_to_warehouse()
        _warn_of_undated(config, source)
    if not night.days:
        raise NoEvents(_nothing(config, first, last), mend="check source.files or source.table, and the dates")
    return night.result()


@dataclass
class Ingestion:
    """One command's run over its days."""

    config: Config
    source: EventSource
    gate: Gate
    run_id: str = field(default_factory=lambda: uuid4().hex)
    started_at: datetime = field(default_factory=clock.now)
    days: int = 0
    skipped_days: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    report_url: str = ""
    lake_version: int = -1

    def __post_init__(self) -> None:
        self.lake = Lake(self.config.lake_url)
        self.known = KnownEvents(self.lake) if self.config.source.duplicates == "drop" else None
        self.uncopied: list[tuple[Batch, Verdict]] = []

    def ingest(self, day: date) -> None:
        """Take one day in. Raises ValidationFailed, after noting it for the warehouse, if it does not pass."""
        known = self.known.before(day) if self.known else NOTHING_KNOWN
        batch = self.source.read(day, known)
        if batch is None:
            self.skipped_days += 1
            return
        verdict = self.gate.check(
            day,
            batch.accepted,
            rows=batch.rows,
            quarantined=batch.quarantined.num_rows,
            end=latest_event(self.config, day),
        )
        self.uncopied.append((batch, verdict))
        if not verdict.passed:
            raise _refused(day, batch, verdict)
        self._commit(batch)
        self.report_url = verdict.report_url
        if len(self.uncopied) >= DAYS_PER_COPY:
            self.copy_to_warehouse()

    def _commit(self, batch: Batch) -> None:
        partition, counts = {"day": batch.day.isoformat()}, _counts(batch)
        part = self.lake.write_part("events", partition, self.run_id, batch.accepted)
        metadata = {"run_id": self.run_id, **partition, **{name: str(counts[name]) for name in COUNTS}}
        self.lake_version = self.lake.commit("events", EVENTS, partition, [part], metadata=metadata)
        self.days += 1
        self.totals.update(counts)
        if self.known:
            self.known.add(batch.day, batch.accepted.select(["event_id"]))
        log.info("%s: %s", batch.day, ", ".join(f"{name} {counts[name]:,}" for name in COUNTS))

    def copy_to_warehouse(self) -> None:
        """Replace the quarantined rows and the validation row of each day that is not copied yet."""
        if not self.uncopied:
            return
        with open_warehouse(self.config) as warehouse:
            for batch, verdict in self.uncopied:
                key = {"batch_date": batch.day}
                stamp = pa.repeat(pa.scalar(self.started_at, pa.timestamp("us", tz="UTC")), batch.quarantined.num_rows)
                warehouse.replace("quarantined_events", key, batch.quarantined.append_column("quarantined_at", stamp))
                row = {**_counts(batch), "passed": verdict.passed, "report_url": verdict.report_url}
                warehouse.replace("validation_runs", key, pa.Table.from_pylist([row]))
        self.uncopied.clear()

    def result(self) -> dict[str, Any]:
        """Totals over the committed days, the page of the last of them, and the lake's version after it."""
        totals = {name: self.totals[name] for name in COUNTS}
        return {
            "days": self.days,
            "skipped_days": self.skipped_days,
            **totals,
            "report_url": self.report_url,
            "lake_version": self.lake_version,
        }


NOTHING_KNOWN = EVENTS.empty_table().select(["event_id"])


class KnownEvents:
    """The event_ids of the days before a day, read from the lake once and kept for the days that follow."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._days: dict[date, pa.Table] = {}

    def before(self, day: date) -> pa.Table:
        """event_id of the `REMEMBERED_DAYS` days before `day`."""
        wanted = [day - timedelta(days=back) for back in range(REMEMBERED_DAYS, 0, -1)]
        self._days = {each: self._days[each] if each in self._days else self._read(each) for each in wanted}
        return pa.concat_tables(self._days.values())

    def add(self, day: date, event_ids: pa.Table) -> None:
        """Remember a day that was just committed."""
        self._days[day] = event_ids

    def _read(self, day: date) -> pa.Table:
        try:
            return self._lake.read("events", {"day": day.isoformat()}, ["event_id"])
        except MissingInput:
            return NOTHING_KNOWN


def _counts(batch: Batch) -> dict[str, int]:
    found = (batch.rows, batch.accepted.num_rows, batch.quarantined.num_rows, batch.duplicates, batch.late)
    return dict(zip(COUNTS, found, strict=True))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=days) for days in range((last - first).days + 1)]


def _refused(day: date, batch: Batch, verdict: Verdict) -> ValidationFailed:
    counts = ", ".join(f"{name} {count:,}" for name, count in _counts(batch).items())
    return ValidationFailed(
        f"{day} did not pass validation ({counts}):\n" + "\n".join(f"  {failure}" for failure in verdict.failures),
        mend=f"read {verdict.report_url} and quarantined_events, correct the source or [validation], then ingest {day} again",
    )


def _nothing(config: Config, first: date, last: date) -> str:
    days = str(first) if first == last else f"{first} … {last}"
    place = f"table {config.source.table}" if config.source.table else str(config.path(config.source.files))
    return f"There are no events for {days} in {place}"


def _warn_of_undated(config: Config, source: EventSource) -> None:
    if undated := source.undated():
        log.warning("%s rows of %s have no readable event time and belong to no day", f"{undated:,}", config.source.table)
