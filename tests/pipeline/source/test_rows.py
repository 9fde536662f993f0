"""What every reader yields is one shape."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import Config
from pipeline.source.reading import open_source
from pipeline.source.rows import CHUNK_ROWS

DAY = date(2026, 3, 29)
COLUMNS = {"user_id": "user", "event_time": "time", "event_type": "kind"}
HERE = {"url": "duckdb:///shop.duckdb"}
SOURCES: dict[str, dict[str, Any]] = {
    "csv": {"files": "{date}.csv"},
    "undated csv": {"files": "*.csv", "day_by": "event_time"},
    "json lines": {"files": "{date}.jsonl"},
    "parquet": {"files": "{date}.parquet"},
    "table": {"table": "events", **HERE},
    "table of texts": {"table": "texts", **HERE},
    "query": {"query": "SELECT * FROM events", **HERE},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More rows than a chunk holds, in every form."""
    folder = tmp_path_factory.mktemp("shop")
    numbers = range(CHUNK_ROWS + 7)
    table = pa.table({"user": pa.array(numbers), "time": ["2026-03-29 12:00:00"] * len(numbers), "kind": ["view"] * len(numbers)})
    pq.write_table(table, folder / f"{DAY}.parquet")
    (folder / f"{DAY}.csv").write_text("user,time,kind\n" + "".join(f"{n},2026-03-29 12:00:00,view\n" for n in numbers))
    line = '{{"user": {}, "time": "2026-03-29 12:00:00", "kind": "view"}}\n'
    (folder / f"{DAY}.jsonl").write_text("".join(line.format(n) for n in numbers))
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.register("given", table)
        connection.execute(
            """CREATE TABLE texts AS FROM given; CREATE TABLE events AS SELECT * REPLACE ("time"::TIMESTAMP AS "time") FROM given"""
        )
    return folder


@pytest.mark.parametrize("name", SOURCES)
def test_rows_have_the_declared_shape(name: str, shop: Path, tmp_path: Path, configured: Callable[..., Config]) -> None:
    config = configured(columns=COLUMNS, settle_seconds=0, **SOURCES[name]).model_copy(update={"root": shop})
    users: list[str] = []
    with open_source(config, tmp_path / "spill", DAY, DAY) as source:
        (delivery,) = [(each, list(each.rows.chunks)) for each in source.deliveries(DAY)]
    rows, chunks = delivery[0].rows, delivery[1]
    assert list(rows.columns) == ["user", "time", "kind"]
    lines = [line for chunk in chunks for line in chunk["line"].to_pylist()]
    assert lines == sorted(set(lines))
    for chunk in chunks:
        assert 0 < chunk.num_rows <= CHUNK_ROWS
        assert chunk.column_names == ["line", "fault", "text", "c0", "c1", "c2"]
        assert [chunk.schema.field(position).type for position in range(3)] == [pa.int64(), pa.string(), pa.string()]
        assert chunk["fault"].null_count == chunk.num_rows
        users += map(str, chunk["c0"].to_pylist())
    assert users == [str(number) for number in range(CHUNK_ROWS + 7)]
