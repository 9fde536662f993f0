"""The gate in front of the lake: a day's events meet every requirement, or nothing of the day is committed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from features.contract import IDENTITY
from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.source.batch import Batch, end_of_batch
from pipeline.validation.checkpoints import Checkpoints
from pipeline.validation.facts import day_facts
from pipeline.validation.outcome import failed, ordered
from pipeline.validation.report import DayPage, Reports
from pipeline.validation.requirement import Requirement
from pipeline.validation.site import site_of
from pipeline.validation.stage import Stage
from pipeline.validation.suite import END, requirements

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What the gate said: `failures` holds a sentence for each requirement that was not met or could not be checked."""

    passed: bool
    failures: tuple[str, ...]
    report_url: str


class Gate:
    """Great Expectations as the judge of one day after the other."""

    def __init__(self, config: Config, required: Sequence[Requirement], stage: Stage, checkpoints: Checkpoints, reports: Reports) -> None:
        self._config, self._required, self._stage = config, required, stage
        self._checkpoints, self._reports = checkpoints, reports

    def check(self, batch: Batch, history: Sequence[DayRecord], *, end: Cutoff) -> Verdict:
        """Judge the batch's staged events, all before `end`, and write the day's report.

        `history` holds the records of earlier committed days, ascending. What needs more of them than there are is left out of the
        day's suite, and the report says so.
        """
        record = batch.record
        counted = self._stage.count(batch.events, {END: end.micros})
        facts = day_facts(self._config, record, history, counted, end_of_batch(self._config, record.day))
        suite = facts.judged(self._required)
        self._stage.store(facts.observed)
        outcome = self._checkpoints.run(suite, record.day.isoformat())
        failures = failed(suite, outcome)
        url = self._reports.write(DayPage(record, failures, ordered(suite, outcome), facts.left_out(self._required), facts.usual))
        said = f"did not pass validation, {len(failures)} finding(s)" if failures else "passed validation"
        log.log(logging.WARNING if failures else logging.INFO, "%s %s: %s", record.day, said, url)
        return Verdict(not failures, failures, url)

    def write_index(self) -> None:
        """Bring the list of days and the page of the suite up to date."""
        self._reports.write_suite(self._required)
        self._reports.write_index()


@contextmanager
def open_gate(config: Config, folder: Path) -> Iterator[Gate]:
    """A gate that spills to `folder`; the reports go to `site_of` the configuration."""
    required, checkpoints = requirements(config), Checkpoints()
    stage = Stage(checkpoints.engine, folder, required, IDENTITY)
    gate = Gate(config, required, stage, checkpoints, Reports(site_of(config)))
    try:
        yield gate
    finally:
        stage.close()
        checkpoints.engine.dispose()
        gate.write_index()
