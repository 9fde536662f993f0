from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import pyarrow as pa
import pytest

from pipeline.source import unpacking
from pipeline.source.unpacking import PACKINGS, unpacked

CONTENT = b"".join(b"%d,user%d,x\n" % (i, i * i) for i in range(20_000))


def _zstd(content: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as file:
        file.write(content)
    return bytes(packed.getvalue())


PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zstd}


def read(packed: bytes, packing: str, size: int = 10_000) -> bytes:
    file = unpacked(io.BytesIO(packed), packing)
    found = []
    while piece := file.read(size):
        assert len(piece) <= size
        found.append(piece)
    return b"".join(found)


def test_every_packing_is_tried_here() -> None:
    assert set(PACK) == set(PACKINGS)


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_content_comes_back(packing: str) -> None:
    packed = PACK[packing](CONTENT)
    assert read(packed, packing) == CONTENT
    assert read(packed + packed, packing) == CONTENT * 2
    assert read(PACK[packing](b""), packing) == b""


def test_a_file_that_is_not_packed_is_as_it_is() -> None:
    assert read(CONTENT, "") == CONTENT


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-20],
        lambda packed: packed[:-1],
        lambda packed: b"nothing packed" + packed,
        lambda packed: packed + b"garbage behind",
        lambda packed: packed + b"XX" + packed[2:],
        lambda packed: packed[: len(packed) // 2],
    ],
)
def test_damage_is_an_error_and_never_a_shorter_file(damage: Callable[[bytes], bytes], packing: str) -> None:
    with pytest.raises((OSError, EOFError, lzma.LZMAError)):
        read(damage(PACK[packing](CONTENT)), packing)


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz"])
def test_a_flipped_bit_is_an_error(packing: str) -> None:
    packed = bytearray(PACK[packing](CONTENT))
    packed[len(packed) // 2] ^= 1
    with pytest.raises((OSError, EOFError, lzma.LZMAError)):
        read(bytes(packed), packing)


def test_an_xz_file_asks_for_no_more_memory_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = lzma.compress(CONTENT)
    monkeypatch.setattr(unpacking, "MOST_XZ_MEMORY", 1_000_000)
    with pytest.raises(lzma.LZMAError, match=r"[Mm]emory"):
        read(packed, ".xz")
