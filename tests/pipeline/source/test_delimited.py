from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.source import delimited
from pipeline.source.delimited import Row, open_rows

HEADER = b"id,user,v\n"


def read(path: Path, content: bytes) -> list[Row]:
    path.write_bytes(content)
    with open_rows(path) as (header, rows):
        assert header == ["id", "user", "v"]
        return list(rows)


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
    ],
)
def test_the_same_two_rows_however_they_are_written(content: bytes, path: Path) -> None:
    assert read(path, content) == [Row(2, ["1", "a", "x"]), Row(3, ["2", "b", "y"])]


def test_empty_lines_are_no_rows(path: Path) -> None:
    assert read(path, HEADER + b"\n1,a,x\n\n\n2,b,y\n\n") == [Row(3, ["1", "a", "x"]), Row(6, ["2", "b", "y"])]


def test_a_quoted_field_may_hold_commas_quotes_and_lines(path: Path) -> None:
    assert read(path, HEADER + b'1,"a\nb, ""c""",x\n2,b,y\n') == [Row(2, ["1", 'a\nb, "c"', "x"]), Row(4, ["2", "b", "y"])]


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
    rows = read(path, HEADER + b"1,a,x\n" + line + b"\n2,b,y\n3,c,z\n")
    assert [(row.line, row.fields) for row in rows if not row.fault] == [(2, ["1", "a", "x"]), (4, ["2", "b", "y"]), (5, ["3", "c", "z"])]
    (broken,) = [row for row in rows if row.fault]
    assert broken.line == 3
    assert fault in broken.fault
    assert broken.text == line.decode("utf-8", "backslashreplace")


def test_a_quote_that_closes_in_a_later_row_costs_only_its_own_line(path: Path) -> None:
    rows = read(path, HEADER + b'1,"oops,x\n2,"b",y\n3,c,z\n')
    assert [(row.line, bool(row.fault)) for row in rows] == [(2, True), (3, False), (4, False)]


def test_a_quote_open_for_too_long_is_at_fault(path: Path) -> None:
    content = HEADER + b'1,"open,x\n' + b"2,b,y\n" * 500 + b'3,c",z\n'
    rows = read(path, content)
    assert len(rows) == 502
    assert [row.line for row in rows if row.fault] == [2]
    assert "does not close within 200 lines" in rows[0].fault


def test_a_line_that_is_too_long_is_at_fault_and_kept_short(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST_LINE", 5_000)
    rows = read(path, HEADER + b"1,a,x\n7," + b"q" * 12_345 + b",x\n2,b,y\n")
    assert [(row.line, bool(row.fault)) for row in rows] == [(2, False), (3, True), (4, False)]
    assert "longer than 5,000 characters" in rows[1].fault
    assert len(rows[1].text) == 1_000


def test_a_megabyte_in_one_field_is_a_row(path: Path) -> None:
    rows = read(path, HEADER + b"1," + b"x" * 1_000_000 + b",y\n")
    assert [len(row.fields[1]) for row in rows] == [1_000_000]


def test_the_limit_of_the_csv_module_is_left_as_it_was(path: Path) -> None:
    before = csv.field_size_limit()
    read(path, HEADER + b"1,a,x\n")
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        ("id,user,v\n1,a,x\n".encode("utf-16"), "not UTF-8"),
        (b"id,us\x00er,v\n", "not UTF-8"),
        (b'"id,user,v\n1,a,x\n', "unreadable header"),
    ],
)
def test_a_file_without_a_readable_header_is_refused(content: bytes, message: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message), open_rows(path):
        pass


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    assert read(tmp_path / "day.csv.gz", gzip.compress(HEADER + b"1,a,x\n")) == [Row(2, ["1", "a", "x"])]


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-20], lambda packed: b"no gzip" + packed, lambda packed: packed[:-8] + b"\0" * 8]
)
def test_a_damaged_gzip_is_one_error_that_names_it(damage: object, tmp_path: Path) -> None:
    packed = gzip.compress(HEADER + b"".join(b"%d,user%d,x\n" % (i, i * i) for i in range(5_000)))
    with pytest.raises(SourceError, match=r"day\.csv\.gz is damaged"):
        read(tmp_path / "day.csv.gz", damage(packed))  # type: ignore[operator]


FIELDS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), max_size=8))
def test_whatever_is_written_quoted_is_read_back(tmp_path: Path, records: list[tuple[str, str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(records)
    rows = read(tmp_path / "day.csv", HEADER + text.getvalue().encode())
    assert [tuple(row.fields) for row in rows] == records


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"1,a,x", b'2,"b",y', b'3,"open,z', b'4,close",z', b"short", b'5,"a""b",x', b"6,\xff,x"]), max_size=12))
def test_every_line_of_any_mixture_is_accounted_for_once(tmp_path: Path, lines: list[bytes]) -> None:
    rows = read(tmp_path / "day.csv", HEADER + b"".join(line + b"\n" for line in lines))
    starts = [row.line for row in rows]
    spans = [1 + sum(field.count("\n") for field in row.fields) for row in rows]
    assert starts == sorted(set(starts))
    assert sum(spans) == len(lines)
