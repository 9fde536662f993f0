"""JSON lines read so that every line is accounted for: it is an object and thereby a row, or a fault that says what is wrong with it.

No number is ever a float on its way: `12.10` stays 12.10, and 10^18 stays exact. A nested value is its JSON text, as written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.source.blocks import printable
from pipeline.source.json_line import Fault, kind_of, parse, text_of
from pipeline.source.rows import CHUNK_ROWS, Rows

MOST_KEYS = 1_000
"""Keys that become columns unasked; a file that has more of them keeps the others in `text`."""

MOST_CELLS = 8_388_608
"""Cells of a chunk: one with many columns has fewer rows."""


@dataclass(frozen=True)
class _Line:
    """A line of the file: its number, its text, and its object or what is wrong with it."""

    number: int
    text: str
    found: dict[str, object]
    fault: str = ""


def json_rows(place: str, blocks: Iterator[bytes], wanted: Sequence[str] = ()) -> Rows:
    """The rows of a UTF-8 file with one JSON object per line; empty lines are no rows.

    Columns are the keys of the first block, in order of appearance, each with the types found there (`number`, `number or string`, `null`
    if there is none), then those `wanted` keys that it lacks. A key that comes up only later is no column; it is in `text`, as is every
    line. An absent key and `null` are null; texts are unescaped; true, false and numbers are as written, nested values their JSON text.
    At fault are lines that are not UTF-8, not JSON (NaN is not), not an object, name a key twice, or hold a NUL or half a character.
    Raises SourceError for a file without any line.
    """
    parsed = _parsed(blocks)
    first = next(parsed, None)
    if first is None:
        raise SourceError(f"{place} is empty", mend="deliver the file again, or remove it if there were no events")
    columns = _columns(first, wanted)
    return Rows(place, columns, header=False, chunks=_chunks(first, parsed, list(columns)))


def _parsed(blocks: Iterator[bytes]) -> Iterator[list[_Line]]:
    """The lines of each block that has any which are not empty."""
    before = 0
    for block in blocks:
        lines = block.splitlines(keepends=True)
        found = [_line(before + number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        before += len(lines)
        if found:
            yield found


def _line(number: int, line: bytes) -> _Line:
    try:
        text, found = parse(line)
    except Fault as fault:
        return _Line(number, printable(line), {}, str(fault))
    return _Line(number, text, found)


def _columns(lines: list[_Line], wanted: Sequence[str]) -> dict[str, str]:
    kinds: dict[str, set[str]] = {}
    for line in lines:
        for key, value in line.found.items():
            if key in kinds or key in wanted or len(kinds) < MOST_KEYS:
                kinds.setdefault(key, set()).add(kind_of(value))
    for key in wanted:
        kinds.setdefault(key, set())
    return {key: " or ".join(sorted(found - {"null"})) or "null" for key, found in kinds.items()}


def _chunks(first: list[_Line], rest: Iterator[list[_Line]], columns: list[str]) -> Iterator[pa.Table]:
    most = max(1, min(CHUNK_ROWS, MOST_CELLS // max(1, len(columns))))
    lines: list[_Line] | None = first
    while lines is not None:
        for start in range(0, len(lines), most):
            yield _as_table(lines[start : start + most], columns)
        lines = next(rest, None)


def _as_table(lines: list[_Line], columns: list[str]) -> pa.Table:
    cells = {
        f"c{position}": pa.array([text_of(line.found.get(name)) for line in lines], pa.string()) for position, name in enumerate(columns)
    }
    return pa.table(
        {
            "line": pa.array([line.number for line in lines], pa.int64()),
            "fault": pa.array([line.fault or None for line in lines], pa.string()),
            "text": pa.array([line.text for line in lines], pa.string()),
            **cells,
        }
    )
