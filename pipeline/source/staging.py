"""Sorted rows of a session into a Parquet file, a row group at a time, while the next is sorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake_parts import ROWS_PER_GROUP
from pipeline.source.read_ahead import ahead

SPELLED = ["available_at", "event_type", "category", "segment", "bucket", "stream", "rule"]
"""Columns of few values, written as a dictionary and positions; for the others that would be a waste of time and of bytes."""

TIMES = {"event_time": "DELTA_BINARY_PACKED"}


def stage(session: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema, path: Path, said: Mapping[str, str]) -> int:
    """Write the query's rows as `schema` with the key-value metadata `said`; how many there were.

    Equal rows in equal order make equal bytes. Pages carry checksums.
    """
    rows = 0
    spelled, encoded = [name for name in SPELLED if name in schema.names], {name: TIMES[name] for name in TIMES if name in schema.names}
    with (
        ahead(_groups(session.sql(query).to_arrow_reader(ROWS_PER_GROUP), schema)) as groups,
        pq.ParquetWriter(
            path, schema, compression="zstd", write_page_checksum=True, use_dictionary=spelled, column_encoding=encoded or None
        ) as file,
    ):
        for group in groups:
            file.write_table(group, row_group_size=ROWS_PER_GROUP)
            rows += group.num_rows
        file.add_key_value_metadata(dict(said))
    return rows


def _groups(batches: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows cut anew, into groups whose size does not depend on how the engine hands them over."""
    pending = schema.empty_table()
    for batch in batches:
        pending = pa.concat_tables([pending, pa.Table.from_batches([batch]).cast(schema)])
        while pending.num_rows >= ROWS_PER_GROUP:
            yield pending.slice(0, ROWS_PER_GROUP).combine_chunks()
            pending = pending.slice(ROWS_PER_GROUP)
    if pending.num_rows:
        yield pending.combine_chunks()
