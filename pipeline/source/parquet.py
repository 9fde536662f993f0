"""Parquet files, their page checksums verified where they have any."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import SourceError
from pipeline.source.blocks import GIB, too_large
from pipeline.source.columns import by_name
from pipeline.source.rows import CHUNK_ROWS, Rows
from pipeline.source.stored_file import StoredFile

CHUNK_BYTES = 64 * 1024 * 1024
"""About how much a chunk holds at most, where its rows are all alike: one with long texts has fewer rows."""

READ_BYTES = 1024 * 1024
"""What is read of a column at a time; else a whole column of a row group is in memory, packed."""


def parquet_rows(file: StoredFile, max_gib: float) -> Rows:
    """The rows of a Parquet file, numbered from 1, with the columns' own types (their Arrow names).

    A row with a text that is not UTF-8 is at fault. Raises SourceError, also while chunks are taken, for a file that is empty, no whole
    Parquet file, damaged, or larger than `max_gib` when unpacked, or that has two columns of one name.
    """
    try:
        opened = pq.ParquetFile(file, page_checksum_verification=True, buffer_size=READ_BYTES, pre_buffer=False)
        schema = opened.schema_arrow
        groups = [opened.metadata.row_group(index) for index in range(opened.num_row_groups)]
        sizes = [(group.num_rows, group.total_byte_size) for group in groups]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(file.place, error) from error
    if sum(size for _, size in sizes) > max_gib * GIB:
        raise too_large(file.place, max_gib)
    columns = by_name(file.place, schema.names, [str(field.type) for field in schema])
    return Rows(file.place, columns, header=True, chunks=_chunks(file.place, opened, sizes, max_gib))


def _chunks(place: str, opened: pq.ParquetFile, sizes: list[tuple[int, int]], max_gib: float) -> Iterator[pa.Table]:
    line, held = 1, 0
    for batch in _batches(place, opened, sizes):
        held += batch.nbytes
        if held > max_gib * GIB:  # a dictionary packs a text that is repeated into next to nothing
            raise too_large(place, max_gib)
        yield _as_table(place, batch, line)
        line += batch.num_rows
    if line - 1 != opened.metadata.num_rows:
        raise _damaged(place, ValueError(f"it has {line - 1:,} rows and says {opened.metadata.num_rows:,}"))


def _batches(place: str, opened: pq.ParquetFile, sizes: list[tuple[int, int]]) -> Iterator[pa.RecordBatch]:
    try:
        for index, (rows, size) in enumerate(sizes):
            most = max(1, min(CHUNK_ROWS, CHUNK_BYTES * rows // max(1, size)))
            yield from opened.iter_batches(most, row_groups=[index])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(place, error) from error


def _as_table(place: str, batch: pa.RecordBatch, line: int) -> pa.Table:
    try:
        batch.validate(full=True)
        columns, texts = batch.columns, pa.nulls(batch.num_rows, pa.string())
    except pa.ArrowInvalid as error:
        texts = _unreadable(batch)
        columns = [_only(column, texts.is_null()) for column in batch.columns]
        try:
            pa.table(columns, batch.schema.names).validate(full=True)
        except pa.ArrowInvalid:
            raise _damaged(place, error) from error
    faults = pc.if_else(texts.is_null(), pa.scalar(None, pa.string()), "The row holds a text that is not UTF-8")
    lines = pa.array(range(line, line + batch.num_rows), pa.int64())
    return pa.table([lines, faults, texts, *columns], ["line", "fault", "text", *(f"c{position}" for position in range(len(columns)))])


def _only(column: pa.Array, readable: pa.Array) -> pa.Array:
    """The column, null where a row is not readable; of a dictionary nothing that is left unused."""
    taken = pc.if_else(readable, pa.array(range(len(column))), None)
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode().take(taken).dictionary_encode().cast(column.type)
    return column.take(taken)


def _unreadable(batch: pa.RecordBatch) -> pa.Array:
    """Each row with a text that is not UTF-8, as a JSON object of texts for people; null for the other rows."""
    texts = {name: _bytes(column) for name, column in zip(batch.schema.names, batch.columns, strict=True) if _is_text(column.type)}
    rows = [dict(zip(texts, cells, strict=True)) for cells in zip(*texts.values(), strict=True)] or [{}] * batch.num_rows
    return pa.array([_shown(row) for row in rows], pa.string())


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _bytes(column: pa.Array) -> list[bytes | None]:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return plain.cast(pa.large_binary()).to_pylist()  # type: ignore[no-any-return]


def _shown(row: dict[str, bytes | None]) -> str | None:
    try:
        for cell in row.values():
            (cell or b"").decode()
    except UnicodeDecodeError:
        return json.dumps({name: cell if cell is None else cell.decode("utf-8", "backslashreplace") for name, cell in row.items()})
    return None


def _damaged(place: str, error: Exception) -> SourceError:
    said = (str(error) or type(error).__name__).splitlines()[0]
    return SourceError(f"{place} is not a whole Parquet file: {said}", mend="deliver the file again")
