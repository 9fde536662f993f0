"""The gate in front of the lake: a day's events pass every expectation, or nothing of the day is committed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import EVENTS
from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.validation import buffered_duckdb
from pipeline.validation.report import Reports
from pipeline.validation.suite import END, SHARE, Requirement, naive, requirements


@dataclass(frozen=True)
class Verdict:
    """What the gate said: `failures` holds a sentence for each requirement that was not met or could not be checked."""

    passed: bool
    failures: tuple[str, ...]
    report_url: str


class Gate:
    """Great Expectations over one staged Parquet file, computed by DuckDB; the file changes from day to day, the suite does not."""

    def __init__(self, context: Any, batch: Any, required: Sequence[Requirement], staged: Path, reports: Reports) -> None:
        import great_expectations as gx

        self._required, self._staged, self._reports = required, staged, reports
        self._suite = context.suites.add(gx.ExpectationSuite(name="events", expectations=[_expectation(each) for each in required]))
        definition = context.validation_definitions.add(gx.ValidationDefinition(name="events", data=batch, suite=self._suite))
        self._checkpoint = context.checkpoints.add(
            gx.Checkpoint(name="events", validation_definitions=[definition], result_format="BASIC", actions=[])
        )

    def check(self, day: date, accepted: pa.Table, *, rows: int, quarantined: int, end: Cutoff) -> Verdict:
        """Judge the day's events (`features.contract.EVENTS`, all before `end`) and write its report.

        `rows` and `quarantined` count the batch's raw rows and those of them that broke a rule.
        """
        import great_expectations as gx

        _stage(self._staged, accepted, quarantined / rows if rows else 0.0)
        result = self._checkpoint.run(run_id=gx.RunIdentifier(run_name=day.isoformat()), expectation_parameters={END: naive(end)})
        outcome = next(iter(result.run_results.values()))
        failures = failed(self._required, outcome)
        url = self._reports.write(day, outcome, passed=not failures, rows=rows, accepted=accepted.num_rows)
        return Verdict(not failures, failures, url)

    def write_index(self) -> None:
        """Bring the list of days and the page of the suite up to date."""
        self._reports.write_suite(self._suite)
        self._reports.write_index()


@contextmanager
def open_gate(config: Config, folder: Path) -> Iterator[Gate]:
    """A gate that stages its files in `folder`; the reports go to `data_docs` beside the configuration."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    # This one sets its own level to INFO when it is imported.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    buffered_duckdb.register()
    staged, database = folder / "events.parquet", folder / "stage.duckdb"
    _create_view(database, staged)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql("lake", connection_string=f"{buffered_duckdb.URL}{database}", create_temp_table=False)
    batch = source.add_table_asset("events", table_name="events").add_batch_definition_whole_table("day")
    gate = Gate(context, batch, requirements(config), staged, Reports(config.root / "data_docs"))
    try:
        yield gate
    finally:
        source.get_engine().dispose()
        gate.write_index()


def failed(required: Sequence[Requirement], outcome: Any) -> tuple[str, ...]:
    """A sentence for each requirement that was not met, could not be computed, or was not checked at all."""
    if not required or not outcome.results:
        return ("no expectation was checked",)
    met = {result.expectation_config.meta["allowed"]: result for result in outcome.results}
    return tuple(sentence for each in required if (sentence := _failure(each, met.get(each.allowed))))


def _failure(required: Requirement, result: Any) -> str:
    if result is None:
        return f"{required.allowed}: was not checked"
    if messages := raised(result):
        return f"{required.allowed}: could not be computed: {messages[0]}"
    return "" if result.success else f"{required.allowed}: observed {_observed(result.result)}"


def raised(result: Any) -> list[str]:
    """What went wrong while an expectation was computed; GX gives one flat dict, or one per metric."""
    found = result.exception_info or {}
    each = [found] if "raised_exception" in found else list(found.values())
    return [str(info.get("exception_message")) for info in each if isinstance(info, dict) and info.get("raised_exception")]


def _observed(result: dict[str, Any]) -> str:
    if "observed_value" in result:
        return str(result["observed_value"])
    return f"{result.get('unexpected_count', '?'):,} of {result.get('element_count', '?'):,} rows otherwise"


def _expectation(required: Requirement) -> Any:
    import great_expectations.expectations as gxe

    kind = getattr(gxe, required.expectation)
    return kind(**required.arguments, severity="critical", meta={"allowed": required.allowed})


def _stage(path: Path, accepted: pa.Table, share: float) -> None:
    """Events with naive UTC instants (SQLAlchemy's bounds are naive) and the day's quarantined share."""
    columns = {
        field.name: accepted[field.name].cast(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else accepted[field.name]
        for field in accepted.schema
    }
    pq.write_table(pa.table({**columns, SHARE: pa.repeat(share, accepted.num_rows)}), path)


def _create_view(database: Path, staged: Path) -> None:
    """A view over the staged file: unlike a query, GX reads a view's columns without fetching its rows."""
    _stage(staged, EVENTS.empty_table(), 0.0)
    with duckdb.connect(str(database)) as connection:
        path = str(staged).replace("'", "''")
        connection.execute(f"CREATE VIEW events AS FROM read_parquet('{path}')")
