"""Raw events of one day, or of each day of a range, into the lake: read, judge, validate, commit, and copy what people read.

The commit of a day's partition of `events` is what counts; the warehouse's copies follow it and are mended by every run.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack, closing
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline import clock
from pipeline.config import Config
from pipeline.day_record import new_run_id
from pipeline.errors import ConfigError, NoEvents
from pipeline.full_disk import naming_full_disk
from pipeline.ingestion.commit import COUNTS
from pipeline.ingestion.copies import UNDATED, clear_undated, copy_uncommitted
from pipeline.ingestion.intake import Intake, open_intake
from pipeline.ingestion.workplace import private_folder, subfolder
from pipeline.process_tree import ending_on_sigterm
from pipeline.progress import track
from pipeline.source.batch import to_batch
from pipeline.source.drift import LOOK_BACK, without_drift
from pipeline.source.reading import EventSource, open_source
from pipeline.validation.gate import open_gate

log = logging.getLogger(__name__)


def run(config: Config, first: date, last: date, *, show: bool) -> dict[str, Any]:
    """Ingest the days from `first` to `last`, both included, in order; totals over the committed days.

    In a range, days without a row are skipped and counted. Raises NoEvents when no day has any, SourceError for a source that
    cannot be read or has drifted, ValidationFailed for the first day that does not pass the gate, Busy when another run commits
    the same day: nothing of that day is committed, the days before it stay.
    """
    if last < first:
        raise ConfigError(f"The range ends on {last}, before it begins on {first}", mend="pass --from with the earlier day")
    run_id, skipped = new_run_id(clock.now()), 0
    with ExitStack() as stack:
        stack.enter_context(ending_on_sigterm())
        stack.enter_context(naming_full_disk(config.root))
        folder = stack.enter_context(private_folder())
        source = stack.enter_context(open_source(config, subfolder(folder, "source"), first, last))
        gate = stack.enter_context(open_gate(config, subfolder(folder, "gate")))
        intake = stack.enter_context(open_intake(config, gate))
        for day in track(_days(first, last), "ingest", (last - first).days + 1, show):
            skipped += not _ingest(intake, source, folder, day, run_id)
        _show_undated(config, source, folder, run_id)
        if not intake.committed:
            raise NoEvents(f"There are no events for {_named(first, last)} in {_places(config)}", mend="check [source], and the dates")
    return {
        "run_id": run_id,
        "days": intake.committed,
        "skipped_days": skipped,
        **{name: intake.totals[name] for name in COUNTS},
        "report_url": intake.report_url,
        "lake_version": intake.version,
    }


def _ingest(intake: Intake, source: EventSource, folder: Path, day: date, run_id: str) -> bool:
    """Take one day in; False if the source has nothing for it."""
    config, days = intake.config, intake.days
    days.refresh()
    back, readmitted = config.source.redelivery_days, days.readmitted(day)
    known = days.events(day - timedelta(days=back), day - timedelta(days=1)) if back else None
    with tempfile.TemporaryDirectory(dir=folder) as name, closing(source.deliveries(day)) as found:
        deliveries = without_drift(found, list(islice(days.earlier(day), LOOK_BACK))) if config.source.drift == "refuse" else found
        with naming_full_disk(folder):
            batch = to_batch(config, Path(name), day, run_id, deliveries, known=known, readmitted=readmitted)
        if batch is None:
            log.info("%s: the source has nothing for this day", day)
            return False
        intake.take_in(batch)
    return True


def _show_undated(config: Config, source: EventSource, folder: Path, run_id: str) -> None:
    """Rows that belong to no day are shown as the batch `UNDATED`, with what is wrong with each."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        with naming_full_disk(folder):
            batch = to_batch(config, Path(name), UNDATED, run_id, source.undated())
        if batch is None:
            clear_undated(config)
            return
        copy_uncommitted(config, batch, report_url=None)
    log.warning("%s rows belong to no day; they are in quarantined_events under %s", f"{batch.record.rows:,}", UNDATED)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=days) for days in range((last - first).days + 1)]


def _named(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} … {last}"


def _places(config: Config) -> str:
    streams = config.source.each.values()
    return ", ".join(f"table {stream.table}" if stream.table else "the query" if stream.query else stream.files for stream in streams)
