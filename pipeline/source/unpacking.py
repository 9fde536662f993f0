"""Compressed files as the bytes that were packed, to the last one: what is cut off, damaged or put behind is an error.

Python's `bz2` and `lzma` files ignore a damaged second stream without a word; Arrow's streams do not, but Arrow has no xz.
"""

from __future__ import annotations

from lzma import FORMAT_XZ, LZMADecompressor
from typing import Protocol

import pyarrow as pa

ARROW_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
PACKINGS = (*ARROW_CODECS, ".xz")

PACKED_BYTES = 1024 * 1024
"""How much of an xz file is handed over at a time."""

MOST_XZ_MEMORY = 256 * 1024 * 1024
"""The largest dictionary that an xz file may ask for; `xz -9` asks for 64 MiB."""


class Readable(Protocol):
    """Bytes from front to end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


def unpacked(file: Readable, packing: str) -> Readable:
    """The file's content. `packing` is a suffix of `PACKINGS`, or ''.

    Reading raises OSError, EOFError or `lzma.LZMAError` where the file is damaged or not whole.
    """
    if packing == ".xz":
        return _Xz(file)
    if packing:
        return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), ARROW_CODECS[packing])  # type: ignore[no-any-return]
    return file


class _Xz:
    """One or more xz streams, one after the other."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._stream: LZMADecompressor | None = None

    def read(self, size: int, /) -> bytes:
        while (found := self._step(size)) == b"":
            pass
        return found or b""

    def _step(self, size: int) -> bytes | None:
        """Some of the content, perhaps none yet; None at the end."""
        if self._stream is None or self._stream.eof:
            packed = (self._stream.unused_data if self._stream else b"") or self._file.read(PACKED_BYTES)
            if not packed:
                return None
            self._stream = LZMADecompressor(FORMAT_XZ, MOST_XZ_MEMORY)
        else:
            packed = self._file.read(PACKED_BYTES) if self._stream.needs_input else b""
            if self._stream.needs_input and not packed:
                raise EOFError("Truncated compressed stream")
        return self._stream.decompress(packed, size)
