"""The ledgers of ingest and evaluation: the rows of one key are replaced in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError, PublishRefused
from pipeline.warehouse import Warehouse, open_warehouse

DAY = date(2026, 3, 1)


def quarantined(*rows: int, reason: str = "no user") -> pa.Table:
    return pa.table(
        {
            "row": rows,
            "source_row": ['{"user_id": "", "amount": "1,5 \\" 🛒"}'] * len(rows),
            "reason": [reason] * len(rows),
            "rule": ["user_id_missing"] * len(rows),
            "quarantined_at": pa.array([datetime(2026, 3, 2, tzinfo=UTC)] * len(rows), pa.timestamp("ns", tz="UTC")),
        }
    )


def rows_of(warehouse: Warehouse) -> list[tuple[date, int, str]]:
    found = warehouse.query("SELECT batch_date, row, reason FROM quarantined_events ORDER BY batch_date, row".replace("row", '"row"'))
    return [(row["batch_date"], row["row"], row["reason"]) for row in found.to_pylist()]


def test_the_rows_of_a_key_are_replaced_and_no_others(config: Config) -> None:
    later = date(2026, 3, 2)
    with open_warehouse(config) as warehouse:
        warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(1, 2))
        warehouse.replace("quarantined_events", {"batch_date": later}, quarantined(1))
        warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(2, 7, reason="no time"))
        assert rows_of(warehouse) == [(DAY, 2, "no time"), (DAY, 7, "no time"), (later, 1, "no user")]
        warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined())
        assert rows_of(warehouse) == [(later, 1, "no user")]


def test_rows_may_come_in_batches(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(1))
        batches = [batch for each in (quarantined(2, 7), quarantined(), quarantined(9)) for batch in each.to_batches()]
        warehouse.replace("quarantined_events", {"batch_date": DAY}, pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches)))
        assert rows_of(warehouse) == [(DAY, 2, "no user"), (DAY, 7, "no user"), (DAY, 9, "no user")]


def test_batches_that_end_in_an_error_leave_the_old_rows(config: Config) -> None:
    def dying() -> Iterator[pa.RecordBatch]:
        yield from quarantined(2, 7).to_batches()
        raise OSError("the lake is gone")

    with open_warehouse(config) as warehouse:
        warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(1))
        reader = pa.RecordBatchReader.from_batches(quarantined().schema, dying())
        with pytest.raises(OSError, match="the lake is gone"):
            warehouse.replace("quarantined_events", {"batch_date": DAY}, reader)
        assert rows_of(warehouse) == [(DAY, 1, "no user")]


def test_values_come_back_as_they_were_given(config: Config) -> None:
    given = {"batch_date": DAY, "rows": 10, "accepted": 8, "quarantined": 1, "duplicates": 1, "late": 0, "passed": True, "report_url": None}
    given |= {"run_id": "20260302T040000000000Z-0f0f0f0f", "lake_version": 4, "readmitted": 2}
    given |= {"accepted_by_type": '{"buy": 8}', "repeated_by_type": '{"buy": 1}'}
    with open_warehouse(config) as warehouse:
        rows = pa.table({name: [value] for name, value in given.items() if name != "report_url"})
        warehouse.replace("validation_runs", {"batch_date": DAY}, rows)
        assert warehouse.query("SELECT * FROM validation_runs").to_pylist() == [given]


def test_an_undefined_figure_is_null(config: Config) -> None:
    key = {"target": "t", "cutoff": datetime(2026, 3, 1, tzinfo=UTC), "model_version": "1"}
    rows = pa.table({"slice": ["all"], "metric": ["auc"], "basis": ["validation"], "value": pa.array([None], pa.float64()), "rows": [3]})
    with open_warehouse(config) as warehouse:
        warehouse.replace("model_quality", key, rows)
        assert warehouse.query("SELECT value, lower, rows FROM model_quality".replace("rows", '"rows"')).to_pylist() == [
            {"value": None, "lower": None, "rows": 3}
        ]


def test_a_repeated_key_is_refused_without_quoting_it_and_keeps_the_old_rows(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(1))
        with pytest.raises(PublishRefused) as refused:
            warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(77177, 77177))
        assert "77177" not in str(refused.value)
        assert rows_of(warehouse) == [(DAY, 1, "no user")]


def test_unknown_tables_and_columns_are_named(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        with pytest.raises(ConfigError, match=r"no table 'users'; DROP'[\s\S]*user_scores"):
            warehouse.replace("users'; DROP", {"batch_date": DAY}, quarantined(1))
        with pytest.raises(ConfigError, match=r"'day' does not name columns of quarantined_events"):
            warehouse.replace("quarantined_events", {"day": DAY}, quarantined(1))
        with pytest.raises(PublishRefused, match=r"unknown columns extra"):
            warehouse.replace("quarantined_events", {"batch_date": DAY}, quarantined(1).append_column("extra", pa.array([1])))


def test_a_query_without_rows_still_has_typed_columns(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        found = warehouse.query("SELECT batch_date, accepted, passed FROM validation_runs")
    assert found.schema.types == [pa.date32(), pa.int64(), pa.bool_()]
    assert found.num_rows == 0
