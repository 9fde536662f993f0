"""CSV read line by line, so that whatever it holds each line is accounted for: it belongs to a row, or is a fault that says what is wrong.

DuckDB's and Arrow's readers are faster, but a quote that is opened and never closed makes them end the file there, or fail, without
telling the lines apart. Here such a line alone is at fault, and reading goes on with the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from pipeline.source import blocks

MOST_LINES = 200
"""Lines that one record may span; a quote open for longer was never meant to be one."""


@dataclass(frozen=True)
class Row:
    r"""A record, or a line at fault.

    line    how many lines of the block stand before its first one
    fields  one text per column of the header; empty when at fault
    fault   what is wrong with the line, or ''
    text    the line as it came, only when at fault; bytes that are not UTF-8 as `\xe9`
    """

    line: int
    fields: list[str]
    fault: str = ""
    text: str = ""


@dataclass(frozen=True)
class Careful:
    """What a block held.

    rows   its rows and faults, by line
    lines  how many lines they took
    rest   the bytes of a record that goes on in the next block
    """

    rows: list[Row]
    lines: int
    rest: bytes


class _Lines:
    """The lines of a block, as text, one record at a time."""

    def __init__(self, block: bytes) -> None:
        self._lines = block.splitlines(keepends=True)
        self.first = self.position = 0
        self._size = 0
        self.unreadable = self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.position == len(self._lines):
            self.ended = True
            raise StopIteration
        line = self._lines[self.position]
        self.position += 1
        self._size += len(line)
        if self._size >= blocks.LONGEST_LINE:
            raise csv.Error(f"it is longer than {blocks.LONGEST_LINE:,} bytes")
        if self.position - self.first > MOST_LINES:
            raise csv.Error(f"a quote opens and does not close within {MOST_LINES} lines")
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.unreadable = True
            return line.decode("utf-8", "surrogateescape")

    def begin_record(self) -> None:
        self.first, self._size, self.unreadable = self.position, 0, False

    def only_first(self) -> bytes:
        """The record's first line; the others will be read again."""
        self.position = self.first + 1
        return self._lines[self.first]

    def since(self, position: int) -> bytes:
        return b"".join(self._lines[position:])


def read_carefully(block: bytes, width: int, *, last: bool) -> Careful:
    """The rows of a block that begins with a record, for a header of `width` names; empty lines are no rows.

    At the end of the file (`last`) a record that goes on is at fault.
    """
    lines = _Lines(block)
    rows: list[Row] = []
    with _long_fields():
        reader = csv.reader(lines, strict=True)
        while True:
            lines.begin_record()
            try:
                fields, fault = next(reader), ""
            except StopIteration:
                return Careful(rows, lines.position, b"")
            except csv.Error as error:
                if lines.ended and not last:
                    return Careful(rows, lines.first, lines.since(lines.first))
                fields, fault = [], f"The line is not valid CSV: {error}"
            if fault or fields:
                rows.append(_row(lines, fields, fault, width))


def read_header(block: bytes) -> tuple[list[str], bytes] | None:
    """The first record of a block that does not begin with an empty line, and what follows it; None if it goes on in the next block.

    Raises csv.Error if it is no record.
    """
    lines = _Lines(block)
    with _long_fields():
        try:
            fields = next(csv.reader(lines, strict=True))
        except csv.Error:
            if lines.ended:
                return None
            raise
    return fields, lines.since(lines.position)


def as_table(rows: Sequence[Row], width: int, line: int) -> pa.Table:
    """The rows as a chunk (`rows.Rows`); the block began with line `line` of the file."""
    blank: list[str | None] = [None] * width
    columns = list(zip(*(row.fields or blank for row in rows), strict=True)) or [()] * width
    return pa.table(
        {
            "line": pa.array([line + row.line for row in rows], pa.int64()),
            "fault": pa.array([row.fault or None for row in rows], pa.string()),
            "text": pa.array([row.text if row.fault else None for row in rows], pa.string()),
            **{f"c{position}": pa.array(column, pa.string()) for position, column in enumerate(columns)},
        }
    )


def _row(lines: _Lines, fields: list[str], fault: str, width: int) -> Row:
    if not fault and len(fields) != width:
        fault = f"The line has {len(fields):,} fields where the header has {width:,}"
    elif not fault and lines.unreadable:
        fault = "The line is not UTF-8 text"
    if fault:
        return Row(lines.first, [], fault, blocks.printable(lines.only_first()))
    return Row(lines.first, fields)


@contextmanager
def _long_fields() -> Iterator[None]:
    """The limit of `csv` is one for the whole process, and is left as it was."""
    before = csv.field_size_limit(blocks.LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)
