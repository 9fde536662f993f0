"""What a judged batch passes on its way in: the gate, then the commit, then the copies that people read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.config import Config
from pipeline.errors import NightcastError, ValidationFailed
from pipeline.full_disk import naming_full_disk
from pipeline.ingestion.commit import commit, counts, tidy
from pipeline.ingestion.copies import copy_uncommitted, mend_copies
from pipeline.ingestion.days import CommittedDays
from pipeline.lake import Lake
from pipeline.source.batch import Batch, latest_event
from pipeline.validation.gate import Gate, Verdict
from pipeline.warehouse import open_warehouse

DAYS_PER_COPY = 30
"""Days of a range that are copied to the warehouse at a time; a longer range does not open it for each."""

log = logging.getLogger(__name__)


@dataclass
class Intake:
    """One command's way into the lake, day after day.

    totals      counts over the committed days
    report_url  page of the last day that was committed
    version     of `events` after it; None before
    """

    config: Config
    lake: Lake
    days: CommittedDays
    gate: Gate
    committed: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    report_url: str = ""
    version: int | None = None

    def take_in(self, batch: Batch) -> None:
        """Commit the batch, judged against `days` as they are. Raises ValidationFailed if it does not pass, Busy as `commit` does.

        A batch that does not pass is shown in the warehouse all the same, with its refused rows.
        """
        day = batch.record.day
        with naming_full_disk(batch.events.parent):
            verdict = self.gate.check(batch, self.days.history(day, self.config.validation), end=latest_event(self.config, day))
        if not verdict.passed:
            copy_uncommitted(self.config, batch, report_url=verdict.report_url)
            raise _refused(batch, verdict)
        with naming_full_disk(self.lake.url):
            self.version = commit(self.lake, batch, expected=self.days.version, report_url=verdict.report_url)
        self.report_url = verdict.report_url
        self.committed += 1
        self.totals.update(counts(batch.record))
        log.info("%s: %s", day, _said(batch))
        if self.committed % DAYS_PER_COPY == 0:
            self.copy()

    def copy(self) -> None:
        """Bring the warehouse's copies up to date with the lake."""
        self.days.refresh()
        mend_copies(self.config, self.lake, self.days)


@contextmanager
def open_intake(config: Config, gate: Gate) -> Iterator[Intake]:
    """The way in, for the length of the block; at its end the copies are brought up to date and the lake is tidied.

    An unreachable warehouse is found before anything is committed. After an error in the block the copies are tried once; should
    they fail as well, the error of the block is what is told, for the next run mends them.
    """
    with open_warehouse(config):
        pass
    lake = Lake(config.lake_url)
    intake = Intake(config, lake, CommittedDays(lake), gate)
    try:
        yield intake
    except NightcastError:
        try:
            intake.copy()
        except NightcastError as error:
            log.warning("the warehouse's copies are behind until the next run: %s", error.message)
        raise
    intake.copy()
    if intake.committed:
        tidy(config, lake)


def _refused(batch: Batch, verdict: Verdict) -> ValidationFailed:
    day = batch.record.day
    return ValidationFailed(
        f"{day} did not pass validation ({_said(batch)}):\n" + "\n".join(f"  {failure}" for failure in verdict.failures),
        mend=f"read {verdict.report_url} and quarantined_events, correct the source or [validation], then run {day} again",
    )


def _said(batch: Batch) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts(batch.record).items() if count or name != "readmitted")
