"""CSV read by Arrow, a block at a time, where a block is provably what it seems to be; most blocks of most files are.

Arrow takes `a"b` and `"a"b` for texts and does not tell lines apart, so it is asked only when every quote opens or closes a whole field
(or is half of a doubled one) and every line ends in the same way; and it is believed only when it finds as many rows as there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from pipeline.source import blocks
from pipeline.source.careful_csv import MOST_LINES

PARSED_AT_ONCE = 1024 * 1024
"""Bytes that one of Arrow's threads takes."""

QUOTE, COMMA, LF, CR = b'",\n\r'
BEFORE_QUOTE = np.array([COMMA, LF, QUOTE], np.uint8)
AFTER_QUOTE = np.array([COMMA, LF, CR, QUOTE], np.uint8)

Positions = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Plain:
    """What a block held.

    columns  c0 … string, one row per record, never null
    starts   (rows,) int64: how many lines of the block stand before each row
    lines    how many lines the rows took
    rest     the bytes of a record that goes on in the next block
    """

    columns: pa.Table
    starts: Positions
    lines: int
    rest: bytes


def read_plain(block: bytes, width: int) -> Plain | None:
    """The rows of a block that begins with a record, for a header of `width` names; None if any line of it needs a closer look.

    The answer is that of `careful_csv.read_carefully`, without faults.
    """
    if not block or len(block) >= blocks.LONGEST_LINE or block.count(b"\r") != block.count(b"\r\n"):
        return None
    if block.startswith(blocks.BYTE_ORDER_MARK):
        return None  # inside a file it is text, and Arrow would take it away
    return _with_quotes(block, width) if b'"' in block else _without_quotes(block, width)


def _without_quotes(block: bytes, width: int) -> Plain | None:
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    columns = _parsed(block, width, lines, quoted=False)
    return None if columns is None else Plain(columns, np.arange(lines), lines, b"")


def _with_quotes(block: bytes, width: int) -> Plain | None:
    found = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(found == QUOTE)
    if not _well_placed(found, quotes):
        return None
    ends = np.flatnonzero(found == LF)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    last = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)  # lines that end outside quotes are the last of their rows
    whole = int(last[-1]) + 1 if last.size else 0
    first = np.concatenate([[0], last[:-1] + 1])[: last.size]
    size = int(ends[whole - 1]) + 1 if whole else 0
    if not _short_enough(first, last, len(ends) - whole):
        return None
    columns = _parsed(block[:size], width, last.size, quoted=True)
    return None if columns is None else Plain(columns, first, whole, block[size:])


def _well_placed(found: np.ndarray[tuple[int], np.dtype[np.uint8]], quotes: Positions) -> bool:
    """Whether each odd quote begins a field, and each even one ends it; `""` inside is an end and a beginning."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = found[opening[opening > 0] - 1]
    after = found[closing[closing < found.size - 1] + 1]
    return bool(np.isin(before, BEFORE_QUOTE).all() and np.isin(after, AFTER_QUOTE).all())


def _short_enough(first: Positions, last: Positions, unfinished: int) -> bool:
    return unfinished <= MOST_LINES and (not last.size or int((last - first).max()) < MOST_LINES)


def _parsed(block: bytes, width: int, rows: int, *, quoted: bool) -> pa.Table | None:
    names = [f"c{position}" for position in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1 if quoted else PARSED_AT_ONCE),
            arrow_csv.ParseOptions(quote_char='"' if quoted else False, double_quote=quoted, newlines_in_values=quoted),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), null_values=[], strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None  # a line of another width, or not UTF-8
    return table if table.num_rows == rows else None  # an empty line is no row
