"""The gate in front of the warehouse: a night's scores meet every requirement, or the night before stays published."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from features.target import Target
from pipeline.config import Config
from pipeline.errors import PublishRefused
from pipeline.validation.checkpoints import Checkpoints
from pipeline.validation.gate import Verdict
from pipeline.validation.outcome import failed, ordered
from pipeline.validation.score_facts import StagedNight, score_facts
from pipeline.validation.score_report import NightPage, ScoreReports
from pipeline.validation.score_suite import RUN, score_requirements
from pipeline.validation.site import site_of
from pipeline.validation.stage import Stage
from pipeline.warehouse.night_before import NightBefore
from pipeline.warehouse.tables import USER_SCORES

log = logging.getLogger(__name__)

IDENTITY = ("user_id",)
PARTITION = ("target", "cutoff")
"""Columns that name the night: texts in the lake."""
TYPES = {field.name: field.type for field in USER_SCORES.arrow if field.name not in PARTITION} | {"refused_reason": pa.string()}


class ScoreGate:
    """Great Expectations as the judge of one night after the other."""

    def __init__(self, config: Config, folder: Path, checkpoints: Checkpoints, reports: ScoreReports) -> None:
        self._config, self._folder, self._checkpoints, self._reports = config, folder, checkpoints, reports

    def check(self, night: StagedNight, target: Target, before: NightBefore | None) -> Verdict:
        """Judge the night beside the published one `before` it, and write its report.

        What cannot be compared is left out of its suite, and the report says so. Raises PublishRefused for columns of another type.
        """
        night, required = replace(night, rows=_readable(night)), score_requirements(self._config, target)
        stage = Stage(self._checkpoints.engine, self._folder, required, IDENTITY)
        try:
            counted = stage.count(night.rows, {name: str(night.run[name]) for name in RUN})
            facts = score_facts(self._config, night, counted, before)
            suite = facts.judged(required)
            stage.store(facts.observed)
            outcome = self._checkpoints.run(suite, f"{night.target} {night.cutoff}")
        finally:
            stage.close()
        failures = failed(suite, outcome)
        page = NightPage(night, failures, ordered(suite, outcome), facts.left_out(required), facts.usual)
        url = self._reports.write(page, required)
        said = f"did not pass validation, {len(failures)} finding(s)" if failures else "passed validation"
        log.log(logging.WARNING if failures else logging.INFO, "%s at %s: %s: %s", night.target, night.cutoff, said, url)
        return Verdict(not failures, failures, url)

    def write_index(self) -> None:
        """Bring the list of nights up to date."""
        self._reports.write_index()


@contextmanager
def open_score_gate(config: Config, folder: Path) -> Iterator[ScoreGate]:
    """A gate that spills to `folder`; the reports go to `site_of` the configuration."""
    checkpoints = Checkpoints()
    gate = ScoreGate(config, folder, checkpoints, ScoreReports(site_of(config)))
    try:
        yield gate
    finally:
        checkpoints.engine.dispose()
        gate.write_index()


def _readable(night: StagedNight) -> pa.Table:
    """The rows with every column that a measure may read; one that is not there is null everywhere."""
    columns, rows = {}, night.rows
    for name, kind in TYPES.items():
        try:
            columns[name] = rows[name].cast(kind) if name in rows.column_names else pa.nulls(rows.num_rows, kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            found = f"Scores of {night.target} at {night.cutoff} hold {rows[name].type} in {name}"
            raise PublishRefused(f"{found}, and {kind} is needed", mend="score this cutoff again") from error
    return pa.table(columns)
