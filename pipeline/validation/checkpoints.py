"""Great Expectations over the table `facts`: a checkpoint for each set of requirements that days or nights are judged by."""

from __future__ import annotations

import logging
import os
from typing import Any
from uuid import uuid4

from pipeline.validation import buffered_duckdb
from pipeline.validation.requirement import Requirement
from pipeline.validation.stage import TABLE

Suite = tuple[Requirement, ...]


class Checkpoints:
    """Checkpoints over one in-memory database. Most days share one: a suite grows only as history comes in."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx

        # This one sets its own level to INFO when it is imported.
        logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
        buffered_duckdb.register()
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        place = f"{buffered_duckdb.URL}:memory:gate-{uuid4().hex}"
        self._source = self._context.data_sources.add_sql("gate", connection_string=place, create_temp_table=False)
        self._batch: Any = None
        self._made: dict[Suite, Any] = {}

    @property
    def engine(self) -> Any:
        """The SQLAlchemy engine of the database, which lasts while a connection to it is open."""
        return self._source.get_engine()

    def run(self, suite: Suite, subject: str) -> Any:
        """Great Expectations' result of the suite over the table as it is now; `subject` says what it is about."""
        import great_expectations as gx

        if suite not in self._made:
            self._made[suite] = self._make(suite)
        result = self._made[suite].run(run_id=gx.RunIdentifier(run_name=subject))
        return next(iter(result.run_results.values()))

    def _make(self, suite: Suite) -> Any:
        import great_expectations as gx

        from pipeline.validation.expectation import expectation

        if self._batch is None:
            self._batch = self._source.add_table_asset(TABLE, table_name=TABLE).add_batch_definition_whole_table(TABLE)
        name = f"{TABLE} {len(self._made) + 1}"
        expectations = self._context.suites.add(gx.ExpectationSuite(name=name, expectations=[expectation(each) for each in suite]))
        definition = gx.ValidationDefinition(name=name, data=self._batch, suite=expectations)
        definitions = [self._context.validation_definitions.add(definition)]
        return self._context.checkpoints.add(
            gx.Checkpoint(name=name, validation_definitions=definitions, result_format="BASIC", actions=[])
        )
