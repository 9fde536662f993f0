"""Parquet files of the lake's tables: how their columns are stored, and writing one that is larger than memory."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake_files import filesystem, remove

ROWS_PER_GROUP = 65_536
"""Small enough that a reader of one bucket skips most of a large day's file by its statistics."""

LARGEST_DICTIONARY = 16 * 2**20
"""Bytes. A dictionary that outgrows this is given up in the middle of its row group, and reading it takes twice as long."""


@dataclass(frozen=True)
class Part:
    """A written, uncommitted Parquet file of one partition. Small and picklable: it travels from worker to stage."""

    path: str
    partition: tuple[tuple[str, str], ...]
    rows: int
    bytes: int


@dataclass(frozen=True)
class Layout:
    """How the columns of a file are stored.

    dictionaries    columns whose values repeat; None: all that turn out to
    differences     integers and times that are stored as the difference to the row before
    rows_per_group  of every row group but the last
    compression     of each page: zstd is the smaller, lz4 the quicker to read
    """

    dictionaries: tuple[str, ...] | None = None
    differences: tuple[str, ...] = ()
    rows_per_group: int = ROWS_PER_GROUP
    compression: Literal["zstd", "lz4"] = "zstd"

    @property
    def options(self) -> dict[str, Any]:
        """For `pyarrow.parquet`: compressed pages, each with a checksum."""
        return {
            "compression": self.compression,
            "write_page_checksum": True,
            "use_dictionary": True if self.dictionaries is None else list(self.dictionaries),
            "dictionary_pagesize_limit": LARGEST_DICTIONARY if self.dictionaries else None,
            "column_encoding": dict.fromkeys(self.differences, "DELTA_BINARY_PACKED") or None,
        }


ANY_LAYOUT = Layout()


class PartWriter:
    """A part whose rows come piece by piece. As a context it is closed on the way out, or removed if an error leaves it half.

    Rows wait for their row group to fill: the same rows give the same bytes whatever the pieces, and at most one row group and one
    piece are held. Without a row there is no file.
    """

    def __init__(self, uri: str, part: Part, schema: pa.Schema, layout: Layout) -> None:
        self._uri = uri
        self._begun = part
        self._schema = schema
        self._layout = layout
        self._waiting: list[pa.Table] = []
        self._file: pq.ParquetWriter | None = None
        self.part: Part | None = None
        """Once closed, what was written; None if there was no row."""

    def write(self, rows: pa.Table) -> None:
        """Add rows of the schema behind those that came before."""
        size = self._layout.rows_per_group
        while len(rows):
            room = size - sum(map(len, self._waiting))
            self._waiting.append(rows.slice(0, room))
            rows = rows.slice(room)
            if sum(map(len, self._waiting)) == size:
                self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._close()
        elif self._file is not None:
            with suppress(OSError):
                self._file.close()
            remove(self._uri)

    def _close(self) -> None:
        if self._waiting:
            self._flush()
        if self._file is None:
            return
        self._file.close()
        found, path = filesystem(self._uri)
        self.part = replace(self._begun, rows=pq.read_metadata(path, filesystem=found).num_rows, bytes=found.get_file_info(path).size)

    def _flush(self) -> None:
        if self._file is None:
            found, path = filesystem(self._uri)
            found.create_dir(posixpath.dirname(path), recursive=True)
            self._file = pq.ParquetWriter(path, self._schema, filesystem=found, **self._layout.options)
        group = pa.concat_tables(self._waiting).combine_chunks()
        self._file.write_table(group, row_group_size=len(group))
        self._waiting = []
