from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.source import blocks, careful_csv, delimited, plain_csv
from pipeline.source.careful_csv import read_carefully
from tests.pipeline.source.read_rows import Line, read

HEADER = b"id,user,v\n"


def rows_of(path: Path, content: bytes) -> list[Line]:
    rows, lines = read(path, content)
    assert rows.columns == {"id": "text", "user": "text", "v": "text"}
    assert rows.header
    return lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.csv"


@pytest.mark.parametrize(
    "content",
    [
        HEADER + b"1,a,x\n2,b,y\n",
        HEADER + b"1,a,x\n2,b,y",
        b"\xef\xbb\xbf" + HEADER + b"1,a,x\n2,b,y\n",
        (HEADER + b"1,a,x\n2,b,y\n").replace(b"\n", b"\r\n"),
        (HEADER + b"1,a,x\n2,b,y\n").replace(b"\n", b"\r"),
        HEADER + b"1,a,x\r\n2,b,y\n",
        HEADER + b'1,"a",x\n"2",b,"y"\n',
        b'"id","user","v"\n1,a,x\n2,b,y\n',
    ],
)
def test_the_same_two_rows_however_they_are_written(content: bytes, path: Path) -> None:
    assert rows_of(path, content) == [Line(2, ("1", "a", "x")), Line(3, ("2", "b", "y"))]


def test_empty_lines_are_no_rows(path: Path) -> None:
    assert rows_of(path, b"\n\r\n" + HEADER + b"\n1,a,x\n\n\n2,b,y\n\n") == [Line(5, ("1", "a", "x")), Line(8, ("2", "b", "y"))]


def test_a_line_that_ends_in_a_lone_carriage_return_and_an_empty_one_do_not_cancel_out(path: Path) -> None:
    assert [row.line for row in rows_of(path, HEADER + b"1,a,x\r2,b,y\n\n3,c,z\n")] == [2, 3, 5]


def test_an_empty_field_is_an_empty_text(path: Path) -> None:
    assert rows_of(path, HEADER + b'1,,""\n,NULL,nan\n') == [Line(2, ("1", "", "")), Line(3, ("", "NULL", "nan"))]


def test_a_quoted_field_may_hold_commas_quotes_and_lines(path: Path) -> None:
    assert rows_of(path, HEADER + b'1,"a\nb, ""c""",x\n2,b,y\n') == [Line(2, ("1", 'a\nb, "c"', "x")), Line(4, ("2", "b", "y"))]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'7,"oops,x', "not valid CSV"),
        (b'7,"a"b,x', "not valid CSV"),
        (b"7,a", "2 fields where the header has 3"),
        (b"7,a,b,c,d", "5 fields where the header has 3"),
        (b"7,caf\xe9,x", "not UTF-8"),
    ],
)
def test_only_the_broken_line_is_at_fault(line: bytes, fault: str, path: Path) -> None:
    found = rows_of(path, HEADER + b"1,a,x\n" + line + b"\n2,b,y\n3,c,z\n")
    assert [(row.line, row.cells) for row in found if not row.fault] == [(2, ("1", "a", "x")), (4, ("2", "b", "y")), (5, ("3", "c", "z"))]
    (broken,) = [row for row in found if row.fault]
    assert broken.line == 3
    assert fault in str(broken.fault)
    assert broken.text == line.decode("utf-8", "backslashreplace")


def test_a_quote_that_closes_in_a_later_row_costs_only_its_own_line(path: Path) -> None:
    found = rows_of(path, HEADER + b'1,"oops,x\n2,"b",y\n3,c,z\n')
    assert [(row.line, bool(row.fault)) for row in found] == [(2, True), (3, False), (4, False)]


def test_a_quote_open_for_too_long_is_at_fault(path: Path) -> None:
    content = HEADER + b'1,"open,x\n' + b"2,b,y\n" * 500 + b'3,c",z\n'
    found = rows_of(path, content)
    assert len(found) == 502
    assert [row.line for row in found if row.fault] == [2]
    assert "does not close within 200 lines" in str(found[0].fault)


def test_a_line_that_is_too_long_is_at_fault_and_kept_short(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 5_000)
    found = rows_of(path, HEADER + b"1,a,x\n7," + b"q" * 12_345 + b",x\n2,b,y\n")
    assert [(row.line, bool(row.fault)) for row in found] == [(2, False), (3, True), (4, False)]
    assert "longer than 5,000 bytes" in str(found[1].fault)
    assert len(str(found[1].text)) == 1_000


def test_a_megabyte_in_one_field_is_a_row(path: Path) -> None:
    found = rows_of(path, HEADER + b"1," + b"x" * 1_000_000 + b",y\n")
    assert [len(str(row.cells[1])) for row in found] == [1_000_000]


def test_a_byte_order_mark_inside_the_file_is_text(path: Path) -> None:
    assert rows_of(path, HEADER + b"\xef\xbb\xbf1,a,x\n") == [Line(2, ("\ufeff1", "a", "x"))]


def test_the_limit_of_the_csv_module_is_left_as_it_was(path: Path) -> None:
    before = csv.field_size_limit()
    rows_of(path, HEADER + b"1,a\n")
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("id,user,v\n1,a,x\n".encode("utf-16"), "not UTF-8"),
        (b"id,us\x00er,v\n", "not UTF-8"),
        (b"id,us\xe9r,v\n", r"not UTF-8 text: 'id,us\\\\xe9r,v'"),
        (b'"id,user,v\n1,a,x\n', "unreadable header"),
        (b'id,user,v,"user"\n1,a,x,b\n', "the column 'user' more than once"),
    ],
)
def test_a_file_without_a_readable_header_is_refused(content: bytes, message: str, path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        read(path, content)


def test_a_header_that_a_block_ends_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4)
    rows, lines = read(path, b'\n\n"the\nid",user\n1,a\n')
    assert list(rows.columns) == ["the\nid", "user"]
    assert lines == [Line(5, ("1", "a"))]


@pytest.mark.parametrize("bad", [b"7,a\n", b"7,caf\xe9,x\n", b'7,"oops,x\n', b"\n", b"7,a\rb,x\n"])
def test_one_bad_line_among_many_costs_no_other_its_place(bad: bytes, path: Path) -> None:
    good = [b'%d,u%d,"x\ny"\n' % (i, i) if i % 50 == 7 else b"%d,u%d,x\n" % (i, i) for i in range(20_000)]
    content = HEADER + b"".join([*good[:12_345], bad, *good[12_345:]])
    found = rows_of(path, content)
    assert [row.cells[0] for row in found if not row.fault] == [str(i) for i in range(20_000)]
    width = [1 + str(row.cells).count("\\n") for row in found if not row.fault]
    after = [row for row in found if not row.fault]
    skipped = [(a.line, b.line) for a, b, lines in zip(after, after[1:], width, strict=False) if b.line != a.line + lines]
    assert len(skipped) <= 1


FIELDS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), max_size=8))
def test_whatever_is_written_quoted_is_read_back(tmp_path: Path, records: list[tuple[str, str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(records)
    found = rows_of(tmp_path / "day.csv", HEADER + text.getvalue().encode())
    assert [row.cells for row in found] == records


PARTS = [
    *(b"1,a,x\n", b'2,"b, c",y\n', b'3,"d\ne",z\r\n', b'"4","","""q"""\n', b'5,"open,z\n', b'6,close",z\n', b"short\n", b"7,\xff,x\n"),
    *(b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"a", "é".encode(), b"\xff", b"\0", b"\xef\xbb\xbf", b" ", b"xxxxxxxxxxxxxxx"),
]
"""Whole lines, more often than not, and what breaks them."""


def reference(body: bytes) -> list[Line]:
    """The careful reader, given the whole file at once."""
    return [Line(2 + row.line, tuple(row.fields), row.fault or None, row.text or None) for row in read_carefully(body, 3, last=True).rows]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.sampled_from(PARTS) | st.sampled_from(PARTS[:4]), max_size=40),
    block=st.sampled_from([1, 2, 7, 30, 100, 1 << 20]),
    piece=st.sampled_from([1, 10, 50, 1 << 16]),
    longest=st.sampled_from([25, 60, 1 << 20]),
    most_lines=st.sampled_from([1, 3, 200]),
)
def test_fast_and_careful_readers_agree_wherever_blocks_end(
    tmp_path: Path, parts: list[bytes], block: int, piece: int, longest: int, most_lines: int
) -> None:
    body = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", block)
        patch.setattr(blocks, "LONGEST_LINE", longest)
        patch.setattr(blocks, "KEPT_CHARACTERS", 10)
        patch.setattr(delimited, "PIECE_BYTES", piece)
        patch.setattr(careful_csv, "MOST_LINES", most_lines)
        patch.setattr(plain_csv, "MOST_LINES", most_lines)
        expected = [line._replace(text=line.text or ("" if line.fault else None)) for line in reference(body)]
        assert rows_of(tmp_path / "day.csv", HEADER + body) == expected


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"1,a,x", b'2,"b",y', b'3,"open,z', b'4,close",z', b"short", b'5,"a""b",x', b"6,\xff,x"]), max_size=12))
def test_every_line_of_any_mixture_is_accounted_for_once(tmp_path: Path, lines: list[bytes]) -> None:
    found = rows_of(tmp_path / "day.csv", HEADER + b"".join(line + b"\n" for line in lines))
    spans = [1 + sum(str(cell).count("\n") for cell in row.cells) for row in found]
    starts = [*(row.line for row in found), 2 + len(lines)]
    assert sum(spans) == len(lines)
    assert [end - start for start, end in pairwise(starts)] == spans
