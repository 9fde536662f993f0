from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.source import blocks
from pipeline.source.stored_file import open_stored


def blocks_of(path: Path, content: bytes, *, packing: str = "", max_gib: float = 1.0) -> list[bytes]:
    path.write_bytes(content)
    with open_stored(str(path), 0.0) as file:
        return list(blocks.read_blocks(file, packing, max_gib))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4)
    monkeypatch.setattr(blocks, "LONGEST_LINE", 10)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a\nb\nc", [b"a\nb\n", b"c"]),
        (b"abcdef\nb\n", [b"abcdef\n", b"b\n"]),
        (b"abc\r\nd\r\n", [b"abc\r\nd\r\n"]),
        (b"abc\rd\re", [b"abc\rd\r", b"e"]),
        (b"abc\r", [b"abc\r"]),
        (b"\xef\xbb\xbfa\nb\n", [b"a\nb\n"]),
        (b"\xef\xbb\xbf", [b""]),
        (b"0123456789abcdef\nb\n", [b"0123456789\nb\n"]),
        (b"0123456789a\r\nb\n", [b"0123456789\r\nb\n"]),
    ],
)
def test_blocks_end_where_lines_do(content: bytes, expected: list[bytes], tmp_path: Path) -> None:
    assert blocks_of(tmp_path / "day.csv", content) == expected


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"0123456789abcdef"]), max_size=30), st.integers(1, 20))
def test_no_line_is_lost_or_split(tmp_path: Path, parts: list[bytes], size: int) -> None:
    content = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        patch.setattr(blocks, "LONGEST_LINE", 12)
        found = blocks_of(tmp_path / "day.csv", content)
    lines = [line for block in found for line in block.splitlines()]
    assert len(lines) == len(content.splitlines())
    for line, whole in zip(lines, content.splitlines(), strict=True):
        assert line == whole or (len(line) >= 12 and whole.startswith(line[:12]))


def test_a_file_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"0" * 40_000_000)
    assert len(bomb) < 50_000
    with pytest.raises(SourceError, match=r"day\.csv\.gz holds more than 0\.02 GiB"):
        blocks_of(tmp_path / "day.csv.gz", bomb, packing=".gz", max_gib=0.02)


def test_an_overlong_line_never_is_in_memory_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(blocks, "LONGEST_LINE", 5_000)
    found = blocks_of(tmp_path / "day.csv", b"x" * 1_000_000 + b"\ny\n")
    assert 5_000 <= max(map(len, found)) <= 6_002
    assert b"".join(found).count(b"\n") == 2


def test_a_line_at_fault_is_printable_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 2_000)
    assert blocks.printable(b"caf\xe9,1\r\n") == "caf\\xe9,1"
    assert blocks.printable(b"x" * 3_000) == "x" * 1_000
