from __future__ import annotations

import csv

import pytest

from pipeline.source import blocks, careful_csv
from pipeline.source.careful_csv import Careful, Row, as_table, read_carefully, read_header

TWO_ROWS = [Row(0, ["1", "a"]), Row(1, ["2", "b"])]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"", Careful([], 0, b"")),
        (b"1,a\n2,b\n", Careful(TWO_ROWS, 2, b"")),
        (b"1,a\r2,b", Careful(TWO_ROWS, 2, b"")),
        (b"\n1,a\n\n", Careful([Row(1, ["1", "a"])], 3, b"")),
        (b'1,a\n2,"b\nc\n', Careful([Row(0, ["1", "a"])], 1, b'2,"b\nc\n')),
        (b'1,"a\nb"\n2,"\r\nc', Careful([Row(0, ["1", "a\nb"])], 2, b'2,"\r\nc')),
    ],
)
def test_a_record_that_goes_on_is_handed_back(block: bytes, expected: Careful) -> None:
    assert read_carefully(block, 2, last=False) == expected


def test_at_the_end_of_the_file_an_open_quote_is_at_fault() -> None:
    found = read_carefully(b'1,a\n2,"b\n3,c\n', 2, last=True)
    fault = "The line is not valid CSV: unexpected end of data"
    assert found == Careful([Row(0, ["1", "a"]), Row(1, [], fault, '2,"b'), Row(2, ["3", "c"])], 3, b"")


def test_a_record_may_span_so_many_lines_and_bytes_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(careful_csv, "MOST_LINES", 3)
    assert [row.fault for row in read_carefully(b'1,"\n\n"\n', 2, last=True).rows] == [""]
    assert "within 3 lines" in read_carefully(b'1,"\n\n\n"\n', 2, last=True).rows[0].fault
    monkeypatch.setattr(blocks, "LONGEST_LINE", 9)
    assert [row.fault for row in read_carefully(b'1,"a\nb"\n', 2, last=True).rows] == [""]
    assert "longer than 9 bytes" in read_carefully(b'1,"aa\nb"\n', 2, last=True).rows[0].fault


def test_a_header_may_go_on_in_the_next_block() -> None:
    assert read_header(b"id,user\r\n1,a\n") == (["id", "user"], b"1,a\n")
    assert read_header(b'id,"us') is None
    with pytest.raises(csv.Error):
        read_header(b'id,"us"er\n')


def test_rows_and_faults_are_one_chunk() -> None:
    table = as_table([Row(0, ["1", ""]), Row(3, [], "bad", "x")], 2, 10)
    assert table.to_pydict() == {"line": [10, 13], "fault": [None, "bad"], "text": [None, "x"], "c0": ["1", None], "c1": ["", None]}
    assert as_table([], 2, 10).schema == table.schema
