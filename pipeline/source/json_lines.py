"""JSON lines read so that every line is accounted for: it is an object and thereby a row, or a fault that says what is wrong with it.

No number is ever a float on its way: `12.10` stays 12.10, and 10^18 stays exact. A nested value is its JSON text, as written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.source.blocks import printable
from pipeline.source.json_line import Fault, kind_of, parse, text_of
from pipeline.source.rows import CHUNK_ROWS, Rows

MOST_KEYS = 1_000
"""Keys that become columns unasked; a file that has more of them keeps the others in `text`."""

PARSED_AT_ONCE = 16_384
"""Lines that are Python objects at a time; the first of them say which columns there are."""

MOST_CELLS = 8_388_608
"""Cells of a chunk: one with many columns has fewer rows."""


class _Line(NamedTuple):
    """A line of the file: its number, its text, and its object or what is wrong with it."""

    number: int
    text: str
    found: dict[str, object]
    fault: str = ""


def json_rows(place: str, blocks: Iterator[bytes], wanted: Sequence[str] = ()) -> Rows:
    """The rows of a UTF-8 file with one JSON object per line; empty lines are no rows.

    Columns are the keys of the beginning (`PARSED_AT_ONCE` lines, or a block if that is less), in order of appearance, each with the types
    found there (`number`, `number or string`, `null` if there is none), then those `wanted` keys that it lacks. A key that comes up only
    later is no column; it is in `text`, as is every line. An absent key and `null` are null; texts are unescaped; true, false and numbers
    are as written, nested values their JSON text.
    At fault are lines that are not UTF-8, not JSON (NaN is not), not an object, name a key twice, or hold a NUL or half a character.
    Raises SourceError for a file without any line.
    """
    parsed = _parsed(blocks)
    first = next(parsed, None)
    if first is None:
        raise SourceError(f"{place} is empty", mend="deliver the file again, or remove it if there were no events")
    columns = _columns(first, wanted)
    return Rows(place, columns, header=False, chunks=_chunks(chain([first], parsed), list(columns)))


def _parsed(blocks: Iterator[bytes]) -> Iterator[list[_Line]]:
    """The lines that are not empty, some at a time and never none."""
    before = 0
    for block in blocks:
        lines = block.splitlines(keepends=True)
        for start in range(0, len(lines), PARSED_AT_ONCE):
            numbered = enumerate(lines[start : start + PARSED_AT_ONCE], start=before + start + 1)
            if found := [_line(number, line) for number, line in numbered if line.strip(b" \t\r\n")]:
                yield found
        before += len(lines)


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


def _chunks(parsed: Iterator[list[_Line]], columns: list[str]) -> Iterator[pa.Table]:
    most = max(1, min(CHUNK_ROWS, MOST_CELLS // max(1, len(columns))))
    for lines in parsed:
        for start in range(0, len(lines), most):
            yield _as_table(lines[start : start + most], columns)


def _as_table(lines: list[_Line], columns: list[str]) -> pa.Table:
    objects = [line.found for line in lines]
    cells = {f"c{position}": _texts([found.get(name) for found in objects]) for position, name in enumerate(columns)}
    return pa.table(
        {
            "line": pa.array([line.number for line in lines], pa.int64()),
            "fault": pa.array([line.fault or None for line in lines], pa.string()),
            "text": pa.array([line.text for line in lines], pa.string()),
            **cells,
        }
    )


def _texts(values: list[object]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:  # true and false
        return pa.array(map(text_of, values), pa.string())
