from __future__ import annotations

import pytest

from pipeline.source import blocks
from pipeline.source.careful_csv import MOST_LINES
from pipeline.source.plain_csv import read_plain


@pytest.mark.parametrize(
    ("block", "rows", "starts", "rest"),
    [
        (b"1,a\n2,b\n", [("1", "a"), ("2", "b")], [0, 1], b""),
        (b"1,a\r\n2,b", [("1", "a"), ("2", "b")], [0, 1], b""),
        (b'1,"a"\n"2",""\n', [("1", "a"), ("2", "")], [0, 1], b""),
        (b'1,"a ""b"", c"\n2,""""\n', [("1", 'a "b", c'), ("2", '"')], [0, 1], b""),
        (b'1,"a\n\nb"\r\n2,b\n', [("1", "a\n\nb"), ("2", "b")], [0, 3], b""),
        (b'1,a\n2,"b\nc', [("1", "a")], [0], b'2,"b\nc'),
        (b"1,a\0\n,NULL\n", [("1", "a\0"), ("", "NULL")], [0, 1], b""),
        ("1,é\n2,😀\n".encode(), [("1", "é"), ("2", "😀")], [0, 1], b""),
        (b" 1 ,\ta\n", [(" 1 ", "\ta")], [0], b""),
    ],
)
def test_a_plain_block_is_read_with_the_place_of_each_row(block: bytes, rows: list[object], starts: list[int], rest: bytes) -> None:
    found = read_plain(block, 2)
    assert found is not None
    assert list(zip(*found.columns.to_pydict().values(), strict=True)) == rows
    assert found.starts.tolist() == starts
    assert found.lines == len(block[: len(block) - len(rest)].splitlines())
    assert found.rest == rest


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"1,a\n\n2,b\n",
        b"\n1,a\n",
        b"1,a\r\n\r\n2,b\n",
        b"1,a\r2,b\n",
        b"1,a\n2\n",
        b"1,a\n2,b,c\n",
        b"1,caf\xe9\n",
        b"\xef\xbb\xbf1,a\n",
        b'1,a"b\n',
        b'1,"a"b\n',
        b'1,"a" \n',
        b'1, "a"\n',
        b'1,"a\rb"\n',
        b'1,a"\n2,"b\n',
        b'1,"' + b"\n" * MOST_LINES + b'"\n',
        b'1,"' + b"\n" * (MOST_LINES + 1),
    ],
)
def test_whatever_needs_a_closer_look_is_left(block: bytes) -> None:
    assert read_plain(block, 2) is None


def test_a_block_that_may_hold_an_overlong_line_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 8)
    assert read_plain(b"1,a\n2,b\n", 2) is None
    assert read_plain(b"1,a\n2,b", 2) is not None
