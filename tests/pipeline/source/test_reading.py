from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.source.reading import open_source

Configured = Callable[..., Config]
NOTHING = pa.table({"event_id": pa.array([], pa.string())})
DAY = date(2026, 3, 29)


def test_a_day_without_a_file_is_none(configured: Configured, tmp_path: Path) -> None:
    with open_source(configured(), tmp_path / "spill") as source:
        assert source.read(DAY, NOTHING) is None
        assert source.undated() == 0


def test_a_file_with_only_a_header_is_an_empty_batch(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").write_text("user,time,kind,item,value\n")
    with open_source(configured(), tmp_path / "spill") as source:
        batch = source.read(DAY, NOTHING)
    assert batch is not None
    assert batch.rows == batch.accepted.num_rows == batch.quarantined.num_rows == 0


def test_csv_and_parquet_give_the_same_events(configured: Configured, tmp_path: Path) -> None:
    columns = {"user": ["u1", "u2"], "time": ["2026-03-29 10:00:00"] * 2, "kind": ["view"] * 2, "item": ["a", None], "value": ["1.5", None]}
    pq.write_table(pa.table(columns), tmp_path / f"{DAY}.parquet")
    (tmp_path / f"{DAY}.csv").write_text("user,time,kind,item,value\nu1,2026-03-29 10:00:00,view,a,1.5\nu2,2026-03-29 10:00:00,view,,\n")
    found = []
    for suffix in ("csv", "parquet"):
        with open_source(configured(files="{date}." + suffix), tmp_path / "spill") as source:
            batch = source.read(DAY, NOTHING)
            assert batch is not None
            found.append(batch.accepted.drop_columns(["event_id"]))
    assert found[0] == found[1]


def test_an_expression_that_cannot_be_read_is_found_before_any_file(configured: Configured, tmp_path: Path) -> None:
    columns = {"user_id": "user ; drop", "event_time": "t", "event_type": "k"}
    with pytest.raises(ConfigError, match=r"source\.columns\.user_id"), open_source(configured(columns=columns), tmp_path / "spill"):
        pass
