from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.lake_parts import ROWS_PER_GROUP
from pipeline.source.session import open_session
from pipeline.source.staging import stage

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("event_id", pa.string())])


def staged(folder: Path, query: str, name: str = "out.parquet") -> tuple[int, Path]:
    with open_session(folder / "spill", "UTC") as session:
        return stage(session, query, SCHEMA, folder / name, {"key": "said"}), folder / name


def test_rows_are_written_in_groups_with_what_is_said_of_them(tmp_path: Path) -> None:
    rows = 2 * ROWS_PER_GROUP + 5
    count, path = staged(tmp_path, f"SELECT range AS n, 'e' || range AS event_id FROM range({rows}) ORDER BY n DESC")
    assert count == rows
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [ROWS_PER_GROUP, ROWS_PER_GROUP, 5]
        assert (file.schema_arrow.remove_metadata(), file.metadata.metadata[b"key"]) == (SCHEMA, b"said")
        assert file.read()["n"].to_pylist() == list(range(rows))[::-1]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_no_rows_are_a_file(tmp_path: Path) -> None:
    count, path = staged(tmp_path, "SELECT 1::BIGINT AS n, 'a' AS event_id WHERE false")
    assert (count, pq.read_table(path).num_rows) == (0, 0)


def test_equal_rows_make_equal_bytes(tmp_path: Path) -> None:
    rows = f"SELECT range AS n, md5(range::VARCHAR) AS event_id FROM range({ROWS_PER_GROUP + 9})"
    first, second = (staged(tmp_path, f"SELECT * FROM ({rows}) ORDER BY {order}", order)[1] for order in ("n", "n, event_id"))
    assert first.read_bytes() == second.read_bytes()


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    _, path = staged(tmp_path, "SELECT range AS n, md5(range::VARCHAR) AS event_id FROM range(1000)")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_what_stops_the_query_stops_the_writing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="too late"):
        staged(tmp_path, "SELECT CASE WHEN range = 9 THEN error('too late') ELSE range END AS n, 'a' AS event_id FROM range(10)")
