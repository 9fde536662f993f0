"""Refused rows as the source brought them, to be judged again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.cutoff import Cutoff
from pipeline.config_source import Source, Stream
from pipeline.day_record import DayRecord
from pipeline.errors import ConfigError
from pipeline.source.batch import REFUSED
from pipeline.source.delivery import Delivery
from pipeline.source.files import format_of
from pipeline.source.json_line import Fault, parse, text_of
from pipeline.source.rows import CHUNK_ROWS, Rows

UNREADABLE = "line"
"""Rule of a line that is no row; it stays one."""

READ = ["row", "stream", "source_row", "reason", "rule"]
PLACES = pa.schema([REFUSED.field("row"), REFUSED.field("place")])


def deliveries(source: Source, record: DayRecord, refused: pq.ParquetFile, available_from: Cutoff) -> Iterator[Delivery]:
    """The day's refused rows, a delivery for each stream that has any, in the streams' order; `refused` stays open meanwhile.

    `line` is the row's number in the batch, and the columns are those that the stream had on that day. Raises ConfigError for rows of
    a stream that is not configured any more.
    """
    for name, columns in record.columns.items():
        chunks = _chunks(refused, name, list(columns))
        first = next(chunks, None)
        if first is None:
            continue
        if name not in source.each:
            raise ConfigError(
                f"Refused rows of {record.day} came in the stream {name!r}, which is not configured", mend="configure it again"
            )
        rows = Rows(f"refused rows of {record.day}", columns, header=_declares(source.each[name]), chunks=chain((first,), chunks))
        yield Delivery(name, rows, available_from)


def restore_places(before: pq.ParquetFile, after: Path) -> None:
    """Give the rows of the file `after`, all of which `before` has, the places that they have there; both are sorted by row.

    For those that are refused once more: the batch that they came back in says where it found them, not where they came from.
    """
    restored, places = after.with_suffix(".places"), _Places(before)
    with pq.ParquetFile(after) as found, pq.ParquetWriter(restored, REFUSED, compression="zstd", write_page_checksum=True) as file:
        for batch in found.iter_batches(CHUNK_ROWS):
            column = REFUSED.get_field_index("place")
            file.write_batch(batch.set_column(column, REFUSED.field(column), places.of(batch.column("row"))))
    restored.replace(after)


class _Places:
    """Places by row, read once from front to end."""

    def __init__(self, file: pq.ParquetFile) -> None:
        self._left = file.iter_batches(CHUNK_ROWS, columns=PLACES.names)
        self._held = PLACES.empty_table()

    def of(self, rows: pa.Array) -> pa.Array:
        """The places of the rows, all of which lie behind those asked for before."""
        held = self._held.filter(pc.greater_equal(self._held["row"], rows[0]))
        while not held.num_rows or held["row"][-1].as_py() < rows[-1].as_py():
            held = pa.concat_tables([held, pa.Table.from_batches([next(self._left)]).cast(PLACES)])
        self._held = held
        return held["place"].take(pc.index_in(rows, value_set=held["row"])).combine_chunks()


def _declares(stream: Stream) -> bool:
    return not stream.files or format_of(stream.files)[0] in (".csv", ".parquet")


def _chunks(refused: pq.ParquetFile, stream: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    for batch in refused.iter_batches(CHUNK_ROWS, columns=READ):
        own = batch.filter(pc.equal(batch.column("stream"), stream))
        if own.num_rows:
            yield _as_table(own, columns)


def _as_table(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.Table:
    at_fault, texts = pc.equal(batch.column("rule"), UNREADABLE), batch.column("source_row").to_pylist()
    rows = [{} if fault else _texts(text) for fault, text in zip(at_fault.to_pylist(), texts, strict=True)]
    kept = [json.loads(text)["line"] if fault else text for fault, text in zip(at_fault.to_pylist(), texts, strict=True)]
    return pa.table(
        {
            "line": batch.column("row"),
            "fault": pc.if_else(at_fault, batch.column("reason"), None),
            "text": pa.array(kept, pa.string()),
            **{f"c{position}": pa.array([row.get(name) for row in rows], pa.string()) for position, name in enumerate(columns)},
        }
    )


def _texts(source_row: str) -> dict[str, str | None]:
    """The row's columns by name: a JSON line says them in its own types, every other row as texts."""
    try:
        _, found = parse(source_row.encode())
    except Fault:  # no JSON line, for those have been read before: a row with characters that JSON lines may not hold
        texts: dict[str, str | None] = json.loads(source_row)
        return texts
    return {name: text_of(value) for name, value in found.items()}
