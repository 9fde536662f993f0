"""The bytes of a text file in blocks that end where a line does, so that each can be read on its own."""

from __future__ import annotations

from collections.abc import Iterator
from lzma import LZMAError

from pipeline.errors import SourceError
from pipeline.source.stored_file import StoredFile
from pipeline.source.unpacking import unpacked

BLOCK_BYTES = 8 * 1024 * 1024
"""What is read at a time; a block is longer only where a line is."""

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a line, its end included, from which on it is a fault: readers keep the first `KEPT_CHARACTERS` of it."""

KEPT_CHARACTERS = 1_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GIB = 1024**3


def read_blocks(file: StoredFile, packing: str, max_gib: float) -> Iterator[bytes]:
    """Blocks of the unpacked file, in order; together they are the file, but for a byte order mark and the far end of overlong lines.

    Lines end in LF, CR LF or CR, and every block ends with one, except perhaps the last. Of a line of `LONGEST_LINE` bytes or more, at
    least so many are in its block. `packing` is a suffix of `unpacking.PACKINGS`, or ''.
    Raises SourceError for a file that is damaged, not whole, or larger than `max_gib` when unpacked.
    """
    held, first = b"", True
    for piece in _pieces(file, packing, max_gib):
        held += piece
        end = _after_last_line(held)
        if end:
            yield held[:end].removeprefix(BYTE_ORDER_MARK) if first else held[:end]
            held, first = held[end:], False
        elif len(held) > LONGEST_LINE:
            held = held[:LONGEST_LINE] + (b"\r" if held.endswith(b"\r") else b"")
    if held:
        yield held.removeprefix(BYTE_ORDER_MARK) if first else held


def _after_last_line(held: bytes) -> int:
    """Where the last whole line ends; a CR at the very end may be half of a CR LF."""
    return held.rfind(b"\n") + 1 or held.rfind(b"\r", 0, len(held) - 1) + 1


def _pieces(file: StoredFile, packing: str, max_gib: float) -> Iterator[bytes]:
    source, size = unpacked(file, packing), 0
    while True:
        try:
            piece = source.read(BLOCK_BYTES)
        except (OSError, EOFError, LZMAError) as error:
            raise SourceError(f"{file.place} is damaged or was not delivered whole: {error}", mend="deliver the file again") from error
        if not piece:
            return
        size += len(piece)
        if size > max_gib * GIB:
            raise too_large(file.place, max_gib)
        yield piece


def too_large(place: str, max_gib: float) -> SourceError:
    """The error for a file that holds more than it may."""
    return SourceError(f"{place} holds more than {max_gib:g} GiB", mend="raise source.max_file_gib if it is meant to be that large")


def printable(line: bytes) -> str:
    r"""A line at fault, for people: without its end, bytes that are not UTF-8 as `\xe9`, and short if it is overlong."""
    text = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    return text if len(line) < LONGEST_LINE else text[:KEPT_CHARACTERS]
