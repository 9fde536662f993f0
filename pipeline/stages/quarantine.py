"""Rows that broke a rule of the event contract: which there are, what they say, and how they come back once the rule is mended.

Everything is read from the lake. Rows of a day that did not pass the gate, and rows without a day, are in `quarantined_events` alone.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.cutoff import Cutoff
from pipeline import clock
from pipeline.config import Config
from pipeline.day_record import DayRecord, new_run_id
from pipeline.errors import ConfigError, MissingInput
from pipeline.full_disk import naming_full_disk
from pipeline.ingestion.days import CommittedDays
from pipeline.ingestion.intake import Intake, open_intake
from pipeline.ingestion.workplace import private_folder, subfolder
from pipeline.lake import Lake
from pipeline.process_tree import ending_on_sigterm
from pipeline.source.batch import Batch, end_of_batch, to_batch
from pipeline.source.refused import deliveries, restore_places
from pipeline.source.rows import CHUNK_ROWS
from pipeline.validation.gate import open_gate
from pipeline.warehouse import open_warehouse

NEWEST_PUBLISHED = "SELECT max(cutoff) AS cutoff FROM score_runs"

log = logging.getLogger(__name__)


def listed(config: Config, first: date | None, last: date | None) -> dict[str, Any]:
    """Each committed day from `first` to `last` (both included, None: all) that has refused rows, with the rows of each rule.

    A row that breaks several rules is counted under each. `example` is what the first such row was told.
    """
    days = CommittedDays(Lake(config.lake_url))
    wanted = [day for day in sorted(days.runs) if (first or day) <= day <= (last or day)]
    found = [line for day in wanted if (record := days.record(day)) and record.quarantined for line in _by_rule(days, record)]
    return {"refused": found}


def shown(config: Config, day: date, *, rule: str | None, limit: int) -> dict[str, Any]:
    """The day's first refused rows, those that break `rule` if it is given, as they came and with what is wrong with them.

    Raises MissingInput if the day is not committed.
    """
    days = CommittedDays(Lake(config.lake_url))
    record, rows = _committed(days, day), []
    for batch in _refused(days, day, ["row", "place", "rule", "reason", "source_row"]):
        for row in batch.to_pylist():
            if rule is None or rule in row["rule"].split(","):
                rows.append(row)
            if len(rows) == limit:
                return {"day": str(day), "quarantined": record.quarantined, "rows": rows}
    return {"day": str(day), "quarantined": record.quarantined, "rows": rows}


def readmit(config: Config, day: date, into: date | None) -> dict[str, Any]:
    """Judge the day's refused rows again, by the mapping and rules of today; those that keep them become events of the day.

    They are known from the end of the batch day `into` on, so that features at earlier cutoffs stay as they are (default: the newest
    ingested day, or the day of the newest published cutoff if that is later). What was committed stays bit for bit; what came back
    earlier keeps its time; rows that still break a rule stay where they are. Nothing is committed when nothing comes back.
    Raises MissingInput if the day is not committed, ConfigError if `into` lies before it, ValidationFailed and Busy as ingesting does.
    """
    with ExitStack() as stack:
        stack.enter_context(ending_on_sigterm())
        stack.enter_context(naming_full_disk(config.root))
        folder = stack.enter_context(private_folder())
        gate = stack.enter_context(open_gate(config, subfolder(folder, "gate")))
        intake = stack.enter_context(open_intake(config, gate))
        before = record = _committed(intake.days, day)
        known_from = _day_of_return(config, intake.days, day, into)
        batch = _judged_again(intake, before, end_of_batch(config, known_from), new_run_id(clock.now()), folder)
        if batch is not None and batch.record.quarantined < before.quarantined:
            intake.take_in(batch)
            record = batch.record
    return {
        "run_id": record.run_id,
        "day": str(day),
        "into": str(known_from),
        "back": record.accepted - before.accepted,
        **{name: getattr(record, name) for name in ("accepted", "quarantined", "duplicates", "readmitted")},
        "report_url": intake.report_url,
        "lake_version": intake.version,
    }


def _judged_again(intake: Intake, record: DayRecord, known_from: Cutoff, run_id: str, folder: Path) -> Batch | None:
    """The day with its refused rows judged again; None if it has none."""
    days, back = intake.days, intake.config.source.redelivery_days
    base, refused = days.events(record.day, record.day), days.side_file("refused", record.day)
    if base is None or refused is None:
        return None
    known = days.events(record.day - timedelta(days=back), record.day - timedelta(days=1)) if back else None
    with refused, naming_full_disk(folder):
        batch = to_batch(
            intake.config,
            subfolder(folder, "batch"),
            record.day,
            run_id,
            deliveries(intake.config.source, record, refused, known_from),
            known=known,
            base=(base, record),
            readmitted=days.readmitted(record.day),
        )
        if batch is not None:
            restore_places(refused, batch.refused)
    return batch


def _day_of_return(config: Config, days: CommittedDays, day: date, into: date | None) -> date:
    """The batch day whose end is when the rows are known. Nothing that is published already may have been able to see them."""
    with open_warehouse(config) as warehouse:
        published: datetime | None = warehouse.query(NEWEST_PUBLISHED)["cutoff"][0].as_py()
    newest = max(days.runs)
    # A cutoff of midnight sees the batches of the days before; the first that it does not see is that of its own day.
    unseen = newest if published is None else max(newest, Cutoff(published).local_date(config.source.time_zone))
    if into is None:
        return unseen
    if into < day:
        raise ConfigError(f"Rows of {day} cannot come back on {into}, before they came", mend=f"pass --into with {day} or a later day")
    if published is not None and end_of_batch(config, into).instant <= published:
        log.warning("scores as of %s are published already; made again, they would see these rows", Cutoff(published))
    return into


def _committed(days: CommittedDays, day: date) -> DayRecord:
    record = days.record(day)
    if record is None:
        raise MissingInput(
            f"{day} is not in the lake, so no refused rows of it are",
            mend="see `nightcast quarantine list`; rows of a day that did not pass the gate, or of no day, are in quarantined_events",
        )
    return record


def _refused(days: CommittedDays, day: date, columns: list[str]) -> Iterator[pa.RecordBatch]:
    file = days.side_file("refused", day)
    if file is not None:
        with file:
            yield from file.iter_batches(CHUNK_ROWS, columns=columns)


def _by_rule(days: CommittedDays, record: DayRecord) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for batch in _refused(days, record.day, ["rule", "reason"]):
        for rules, reason in zip(*(batch.column(name).to_pylist() for name in ("rule", "reason")), strict=True):
            for rule in rules.split(","):
                counts[rule] += 1
                examples.setdefault(rule, reason)
    own = {"day": str(record.day), "quarantined": record.quarantined}
    return [{**own, "rule": rule, "rows": count, "example": examples[rule]} for rule, count in counts.most_common()]
