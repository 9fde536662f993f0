"""CSV files read so that every line is accounted for: it becomes a row, or a fault that names the line and what is wrong with it.

DuckDB's reader is faster, but a quote that is opened and never closed makes it end the file there without a word, even with
`store_rejects`. Here such a line alone is at fault, and reading goes on with the next one.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.errors import SourceError

LONGEST_LINE = 16 * 1024 * 1024
"""Characters of a line; a longer one is a fault, of which the first 1,000 are kept."""

MOST_LINES = 200
"""Lines that one quoted field may span; a quote open for longer was never meant to be one."""

NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""How Python marks bytes that are not UTF-8 (`surrogateescape`)."""


@dataclass(frozen=True)
class Row:
    r"""A record, or a line at fault.

    line    number of its first line in the file; the header is line 1
    fields  one text per column of the header; empty when at fault
    fault   what is wrong with the line, or ''
    text    the line as it came, only when at fault; bytes that are not UTF-8 as `\xe9`
    """

    line: int
    fields: list[str]
    fault: str = ""
    text: str = ""


class _Lines:
    """The lines of a file, of which those of the current record can be handed back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.record: list[str] = []
        self.consumed = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.record.append(line)
        self.consumed += 1
        if len(line) >= LONGEST_LINE:
            self._skip_rest(line)
            raise csv.Error(f"it is longer than {LONGEST_LINE:,} characters")
        if len(self.record) > MOST_LINES:
            raise csv.Error(f"a quote opens and does not close within {MOST_LINES} lines")
        return line

    def _skip_rest(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._file.readline(LONGEST_LINE)

    def begin_record(self) -> None:
        self.record = []

    def keep_first(self) -> str:
        """The record's first line; the others will be read again."""
        self._again.extendleft(reversed(self.record[1:]))
        self.consumed -= len(self.record) - 1
        return self.record[0]


@contextmanager
def open_rows(path: Path) -> Iterator[tuple[list[str], Iterator[Row]]]:
    """The header's names, and the rows below it, of a UTF-8 CSV file (comma, `"` doubled inside quotes); `.gz` is unpacked.

    A byte order mark is skipped, lines end in LF, CR LF or CR, empty lines are no rows. Raises SourceError, also while the rows
    are read, for a file that is empty, has an unreadable header or cannot be unpacked to its end.
    """
    widest = csv.field_size_limit(LONGEST_LINE)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as raw:
            lines = _Lines(io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline=""))
            reader = csv.reader(lines, strict=True)
            header = _header(path, lines, reader)
            yield header, _rows(lines, reader, len(header))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path} is damaged or was not delivered whole: {error}", mend="deliver the file again") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", mend="check the file and its permissions") from error
    finally:
        csv.field_size_limit(widest)


def _header(path: Path, lines: _Lines, reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next((record for record in reader if record), None)
    except csv.Error as error:
        raise SourceError(f"{path} has an unreadable header: {error}", mend="the first line names the columns") from error
    if header is None:
        raise SourceError(f"{path} is empty: it has not even a header", mend="deliver the file again, or remove it if there were no events")
    if any("\0" in name or NOT_UTF8.search(name) for name in header):
        raise SourceError(f"{path} has a header that is not UTF-8 text: {_printable(lines.record[0])[:200]!r}", mend="deliver it as UTF-8")
    return header


def _rows(lines: _Lines, reader: Iterator[list[str]], width: int) -> Iterator[Row]:
    while True:
        lines.begin_record()
        try:
            fields, fault = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            fields, fault = [], f"The line is not valid CSV: {error}"
        if not fault and fields and len(fields) != width:
            fault = f"The line has {len(fields):,} fields where the header has {width:,}"
        elif not fault and any(not line.isascii() and NOT_UTF8.search(line) for line in lines.record):
            fault = "The line is not UTF-8 text"
        if fault:
            text = lines.keep_first()
            yield Row(lines.consumed, [], fault, _printable(text if len(text) < LONGEST_LINE else text[:1000]))
        elif fields:
            yield Row(lines.consumed - len(lines.record) + 1, fields)


def _printable(text: str) -> str:
    return text.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
