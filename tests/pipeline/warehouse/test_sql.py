"""The order of statements that both engines share, over a fake that writes them down; what they do is held in `tests/warehouse/`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pytest

from features.cutoff import Cutoff
from pipeline.errors import ConfigError, PublishRefused
from pipeline.warehouse.schema import Table
from pipeline.warehouse.sql import Rows, SqlWarehouse

ROW = {"rows": [1], "accepted": [1], "quarantined": [0], "duplicates": [0], "late": [0], "passed": [True], "report_url": ["file:///x"]}
DAY = date(2026, 1, 1)


class Journal(SqlWarehouse):
    """Writes down what it is asked to do; `broken` names the step that fails."""

    engine = "duckdb"

    def __init__(self, broken: str = "") -> None:
        self.steps: list[str] = []
        self._broken = broken

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self._broken:
            raise ConnectionError(name)

    def begin(self, lock: str) -> None:
        self._step("begin")

    def commit(self) -> None:
        self._step("commit")

    def rollback(self) -> None:
        self.steps.append("rollback")

    def close(self) -> None:
        raise NotImplementedError

    def drop_before(self, cutoff: Cutoff) -> None:
        raise NotImplementedError

    def admit_readers(self) -> None:
        raise NotImplementedError

    def shut(self, relations: Sequence[str]) -> None:
        raise NotImplementedError

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self._step(sql.split()[0].lower())

    def append(self, table: Table, rows: Rows) -> None:
        self.appended = sum(batch.num_rows for batch in (rows if isinstance(rows, pa.RecordBatchReader) else rows.to_batches()))
        self._step("append")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        raise NotImplementedError


def test_rows_are_replaced_in_one_transaction() -> None:
    journal = Journal()
    journal.replace("validation_runs", {"batch_date": DAY}, pa.table(ROW))
    assert journal.steps == ["begin", "delete", "append", "commit"]


def test_batches_are_appended_in_one_transaction() -> None:
    journal, batch = Journal(), pa.table(ROW).to_batches()[0]
    journal.replace("validation_runs", {"batch_date": DAY}, pa.RecordBatchReader.from_batches(batch.schema, iter([batch, batch])))
    assert (journal.steps, journal.appended) == (["begin", "delete", "append", "commit"], 2)


def test_a_batch_that_does_not_fit_undoes_those_before_it() -> None:
    journal, batch = Journal(), pa.table({**ROW, "colour": ["red"]}).to_batches()[0]
    with pytest.raises(PublishRefused):
        journal.replace("validation_runs", {"batch_date": DAY}, pa.RecordBatchReader.from_batches(batch.schema, iter([batch])))
    assert journal.steps == ["begin", "delete", "rollback"]


@pytest.mark.parametrize("broken", ["delete", "append", "commit"])
def test_a_step_that_fails_undoes_those_before_it(broken: str) -> None:
    journal = Journal(broken)
    with pytest.raises(ConnectionError, match=broken):
        journal.replace("validation_runs", {"batch_date": DAY}, pa.table(ROW))
    assert journal.steps[-1] == "rollback"
    assert journal.steps.count("commit") == (broken == "commit")


def test_rows_that_do_not_fit_are_refused_before_any_transaction() -> None:
    journal = Journal()
    with pytest.raises(PublishRefused):
        journal.replace("validation_runs", {"batch_date": DAY}, pa.table({**ROW, "colour": ["red"]}))
    assert journal.steps == []


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ("scores", {"batch_date": DAY}, "no table 'scores'"),
        ("validation_runs", {"day": DAY}, "does not name columns"),
        ("validation_runs", {}, "does not name columns"),
    ],
)
def test_an_unknown_table_or_key_names_those_there_are(table: str, key: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Journal().replace(table, key, pa.table(ROW))
