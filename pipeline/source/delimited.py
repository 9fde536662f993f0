"""CSV files read so that every line is accounted for, and fast: what is plain is read by Arrow, the rest line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.source.blocks import printable
from pipeline.source.careful_csv import as_table, read_carefully, read_header
from pipeline.source.columns import by_name
from pipeline.source.plain_csv import read_plain
from pipeline.source.rows import CHUNK_ROWS, Rows

PIECE_BYTES = 64 * 1024
"""A block that is not plain is tried again in pieces of this size, so that one bad line costs the speed of a piece."""


def csv_rows(place: str, blocks: Iterator[bytes]) -> Rows:
    """The rows of a UTF-8 CSV file (comma, `"` doubled inside quotes); the first line that is not empty names the columns.

    Lines end in LF, CR LF or CR, empty lines are no rows, an empty field is '', all columns are texts. A chunk is a block's rows at most.
    Raises SourceError for a file that is empty, has an unreadable header, or names a column twice.
    """
    header, line, left = _header(place, blocks)
    columns = by_name(place, header, ["text"] * len(header))
    return Rows(place, columns, header=True, chunks=_Reader(len(header), line).chunks(chain([left], blocks)))


class _Reader:
    """Blocks into chunks; a record that a block ends in goes before the next one."""

    def __init__(self, width: int, line: int) -> None:
        self._width, self._line, self._rest = width, line, b""

    def chunks(self, blocks: Iterator[bytes]) -> Iterator[pa.Table]:
        for block in filter(None, blocks):
            yield from _sliced(self._block(block))
        yield from _sliced([self._carefully(self._rest, last=True)])

    def _block(self, block: bytes) -> list[pa.Table]:
        if (plain := self._plainly(self._rest + block)) is not None:
            return [plain]
        tables = []
        for piece in _pieces(block):
            held = self._rest + piece
            plain = self._plainly(held)
            tables.append(self._carefully(held, last=False) if plain is None else plain)
        return tables

    def _plainly(self, block: bytes) -> pa.Table | None:
        if (found := read_plain(block, self._width)) is None:
            return None
        rows = found.columns.num_rows
        lines = pa.array(found.starts + self._line, pa.int64())
        nothing = pa.nulls(rows, pa.string())
        self._line, self._rest = self._line + found.lines, found.rest
        return pa.table([lines, nothing, nothing, *found.columns.columns], ["line", "fault", "text", *found.columns.column_names])

    def _carefully(self, block: bytes, *, last: bool) -> pa.Table:
        found = read_carefully(block, self._width, last=last)
        table = as_table(found.rows, self._width, self._line)
        self._line, self._rest = self._line + found.lines, found.rest
        return table


def _header(place: str, blocks: Iterator[bytes]) -> tuple[list[str], int, bytes]:
    """The columns' names, the number of the line after them, and what is left of the block."""
    held, line = b"", 1
    for block in chain(blocks, [b""]):
        below = (held + block).lstrip(b"\r\n")
        line += len((held + block)[: len(held + block) - len(below)].splitlines())
        held = below
        try:
            found = read_header(held) if held else None
        except csv.Error as error:
            raise SourceError(f"{place} has an unreadable header: {error}", mend="the first line names the columns") from error
        if found:
            header, left = found
            _check_text(place, header, held)
            return header, line + len(held[: len(held) - len(left)].splitlines()), left
    if not held:
        raise SourceError(
            f"{place} is empty: it has not even a header", mend="deliver the file again, or remove it if there were no events"
        )
    raise SourceError(f"{place} has an unreadable header: a quote opens and does not close", mend="the first line names the columns")


def _check_text(place: str, header: list[str], block: bytes) -> None:
    try:
        "".join(header).encode()
        readable = not any("\0" in name for name in header)
    except UnicodeEncodeError:
        readable = False
    if not readable:
        first = printable(block.splitlines()[0])[:200]
        raise SourceError(f"{place} has a header that is not UTF-8 text: {first!r}", mend="deliver it as UTF-8")


def _pieces(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + PIECE_BYTES) + 1 or len(block)
        yield block[start:end]
        start = end


def _sliced(tables: list[pa.Table]) -> Iterator[pa.Table]:
    table = pa.concat_tables(tables)
    for start in range(0, table.num_rows, CHUNK_ROWS):
        yield table.slice(start, CHUNK_ROWS)
