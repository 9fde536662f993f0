"""A lake as it was before events had a segment: its files lack the column, and the log of its tables does not know of it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from pipeline.lake import Lake

TABLES = ("events", "timelines")
DECLARED = r"{\"name\":\"segment\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},"


def forget_segments(lake: Lake) -> None:
    """Write every file and every entry of the log as the releases before did, under the same names."""
    for table in TABLES:
        for path in Path(lake.uri(table)).glob("*=*/*.parquet"):
            rows, said = pq.read_table(path, partitioning=None).drop_columns("segment"), pq.read_metadata(path).metadata
            kept = {key: value for key, value in said.items() if key != b"ARROW:schema"}
            pq.write_table(rows.replace_schema_metadata(kept), path, write_page_checksum=True)
        for path in Path(lake.uri(table)).glob("_delta_log/*.json"):
            path.write_text(path.read_text(encoding="utf-8").replace(DECLARED, ""), encoding="utf-8")
