"""Files that no honest sender delivers: each becomes rows and faults that account for every line, or exactly one SourceError."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.source.files import open_file
from tests.pipeline.source.read_rows import Line, lines_of, read

HEADER = b"id,user,note\n"
GOOD = [b"%d,u%d,fine" % (i, i) for i in range(1, 6)]

BAD_LINES = {
    "a quote that never closes": b'7,"oops,fine',
    "text behind a quote": b'7,"a"b,fine',
    "too many fields": b"7,u,fine,extra",
    "a lone name": b"robert",
    "latin-1": "7,café,fine".encode("latin-1"),
    "half of a character": "7,😀,fine".encode()[:4],
    "utf-16": "7,u,fine".encode("utf-16"),
    "a megabyte of quotes": b'7,"' + b'"' * 1_000_000 + b",fine",
    "ten thousand commas": b"," * 10_000,
}
"""Lines that are no rows."""

GOOD_LINES = {
    "SQL": (b"7,'; DROP TABLE events; --,fine", "'; DROP TABLE events; --"),
    "a formula": (b"7,=cmd()|'/C calc'!A0,fine", "=cmd()|'/C calc'!A0"),
    "a path": (b"7,../../etc/passwd,fine", "../../etc/passwd"),
    "NUL": (b"7,a\0b,fine", "a\0b"),
    "emoji": ("7,👩‍👩‍👧 Zoë,fine".encode(), "👩‍👩‍👧 Zoë"),
    "a byte order mark": ("7,\ufeffu,fine".encode(), "\ufeffu"),
    "10^18": (b"7,1000000000000000000,fine", "1000000000000000000"),
    "infinity": (b"7,inf,fine", "inf"),
    "null": (b"7,NULL,fine", "NULL"),
    "quotes of every kind": (b'7,""",""",fine', '","'),
    "nothing": (b'7,"",fine', ""),
    "separators of other worlds": ("7,a\u2028b\x0bc\x1cd\x85e,fine".encode(), "a\u2028b\x0bc\x1cd\x85e"),
}
"""Lines whose content is strange, and a row all the same; judging it is not the reader's."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.csv"


def around(line: bytes) -> bytes:
    return HEADER + b"\n".join([*GOOD[:2], line, *GOOD[2:], b""])


@pytest.mark.parametrize("name", BAD_LINES)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_bad_line_is_a_fault_and_the_others_are_rows(name: str, suffix: str, tmp_path: Path) -> None:
    content = around(BAD_LINES[name])
    _, lines = read(tmp_path / f"day{suffix}", gzip.compress(content) if suffix == ".csv.gz" else content)
    assert [line.cells[0] for line in lines if not line.fault] == ["1", "2", "3", "4", "5"]
    assert [line.line for line in lines if not line.fault] == [2, 3, *range(len(lines) - 1, len(lines) + 2)]
    assert {line.line for line in lines if line.fault} == set(range(4, len(lines) - 1))
    assert all(line.text for line in lines if line.fault)


@pytest.mark.parametrize("name", GOOD_LINES)
def test_a_strange_value_is_a_row(name: str, path: Path) -> None:
    line, user = GOOD_LINES[name]
    _, lines = read(path, around(line))
    assert [found.fault for found in lines] == [None] * 6
    assert lines[2] == Line(4, ("7", user, "fine"))


def test_a_header_of_strange_names_is_taken_as_it_is(path: Path) -> None:
    rows, lines = read(path, b"../../id,'; DROP TABLE raw; --,=cmd()\n1,2,3\n")
    assert list(rows.columns) == ["../../id", "'; DROP TABLE raw; --", "=cmd()"]
    assert lines == [Line(2, ("1", "2", "3"))]


def test_a_field_of_50_mb_is_a_fault_and_never_wholly_in_memory(path: Path) -> None:
    with path.open("wb") as file:
        file.write(HEADER + b"1,u,fine\n2,")
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b",fine\n3,u,fine\n")
    found = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True)
    assert found.stdout.split()[:4] == ["2:", "3:16777216", "4:", "before"]
    before, after = map(int, found.stdout.split()[4:])
    assert after - before < 250 * 1024


MEASURED = """
import resource, sys
from pipeline.source.files import open_file
import pipeline.source.plain_csv
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open_file(sys.argv[1], settle_seconds=0, max_gib=1) as rows:
    for chunk in rows.chunks:
        for line, fault in zip(chunk["line"].to_pylist(), chunk["fault"].to_pylist()):
            print(f"{line}:{''.join(filter(str.isdigit, fault or ''))}")
print("before", before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _parquet() -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({"user": [f"u{i}" for i in range(1_000)]}), buffer, write_page_checksum=True)
    return bytes(buffer.getvalue())


LINES = HEADER + b"".join(b"%d,u%d,fine\n" % (i, i * i) for i in range(50_000))
PACKED = gzip.compress(LINES)
PARQUET = _parquet()
BROKEN_FILES = {
    "empty": ("day.csv", b"", "is empty"),
    "empty gzip": ("day.csv.gz", b"", "is empty"),
    "empty JSON lines": ("day.jsonl", b"", "is empty"),
    "a header in UTF-16": ("day.csv", LINES.decode().encode("utf-16"), "not UTF-8"),
    "a truncated gzip": ("day.csv.gz", PACKED[:-100], "not delivered whole"),
    "half of a gzip": ("day.csv.gz", PACKED[: len(PACKED) // 2], "not delivered whole"),
    "a gzip in name only": ("day.csv.gz", LINES, "is damaged"),
    "a flipped bit in a gzip": ("day.csv.gz", PACKED[:50_000] + bytes([PACKED[50_000] ^ 4]) + PACKED[50_001:], "is damaged"),
    "a zip bomb": ("day.csv.gz", gzip.compress(HEADER + (b"1,u," + b"x" * 2_000 + b"\n") * 15_000), "holds more than 0.02 GiB"),
    "a zip bomb of one line": ("day.jsonl.gz", gzip.compress(b"[" * 30_000_000), "holds more than 0.02 GiB"),
    "a zip bomb in a zip bomb": ("day.csv.gz", gzip.compress(gzip.compress(b"x" * 30_000_000)), "not UTF-8"),
    "half of a Parquet file": ("day.parquet", PARQUET[: len(PARQUET) // 2], "not a whole Parquet file"),
    "zeros as a Parquet file": ("day.parquet", bytes(len(PARQUET)), "not a whole Parquet file"),
    "an empty Parquet file": ("day.parquet", b"", "not a whole Parquet file"),
    "a flipped bit in a Parquet page": (
        "day.parquet",
        PARQUET[:500] + bytes([PARQUET[500] ^ 4]) + PARQUET[501:],
        "not a whole Parquet file",
    ),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_a_broken_file_is_one_error_that_names_it(name: str, tmp_path: Path) -> None:
    file, content, message = BROKEN_FILES[name]
    with pytest.raises(SourceError, match=message) as raised:
        read(tmp_path / file, content, max_gib=0.02)
    assert file in raised.value.message
    assert raised.value.mend


def test_a_file_still_being_written_is_waited_for(path: Path) -> None:
    path.write_bytes(HEADER)

    def write() -> None:
        for line in range(50):
            with path.open("ab") as file:
                file.write(b"%d,u%d,fi" % (line, line))
            time.sleep(0.01)
            with path.open("ab") as file:
                file.write(b"ne\n")

    writer = threading.Thread(target=write)
    writer.start()
    _, lines = read(path, settle_seconds=2.0)
    writer.join()
    assert [line.cells[0] for line in lines] == [str(line) for line in range(50)]


CHANGES: dict[str, Callable[[Path], object]] = {
    "replaced": lambda path: _written(path.with_name("other")).replace(path),
    "removed": lambda path: path.unlink(),
    "appended to": lambda path: path.open("ab", buffering=0).write(b"1,u,fine\n"),
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
}


def _written(path: Path) -> Path:
    path.write_bytes(HEADER + b"".join(b"%d,u%d,fine\n" % (i, i * i) for i in range(1_000_000)))
    return path


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_file_that_changes_while_it_is_read_is_one_error(name: str, path: Path) -> None:
    _written(path)
    with open_file(str(path), settle_seconds=0, max_gib=1) as rows:
        assert next(rows.chunks).num_rows > 0
        CHANGES[name](path)
        with pytest.raises(SourceError, match=r"changed while it was read|No such file"):
            list(rows.chunks)


def test_a_parquet_file_replaced_while_it_is_read_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    pq.write_table(pa.table({"user": list(range(1_000_000))}), path)
    with open_file(str(path), settle_seconds=0, max_gib=1) as rows:
        assert next(rows.chunks).num_rows > 0
        pq.write_table(pa.table({"user": list(range(1_000_001))}), path)
        with pytest.raises(SourceError, match="changed while it was read"):
            list(rows.chunks)


def test_json_lines_of_every_kind_of_harm(tmp_path: Path) -> None:
    bad = [
        b"{",
        b'{"id": "caf\xe9"}',
        b'{"id": "\0"}',
        b"[" * 200_000,
        b'{"id": 1e}',
        b'{"id": Infinity}',
        b'{"id": 1, "id": 2}',
        b"\xef\xbb\xbf{}",
    ]
    good = [b'{"id": 1000000000000000000}', '{"id": "😀"}'.encode(), b'{"id": "=cmd()"}', b'{"id": "../../etc/passwd"}', b'{"id": 1e999}']
    rows, lines = read(tmp_path / "day.jsonl", b"\n".join([*good[:2], *bad, *good[2:]]))
    assert list(rows.columns) == ["id"]
    assert [line.line for line in lines] == list(range(1, 14))
    assert [line.cells[0] for line in lines if not line.fault] == ["1000000000000000000", "😀", "=cmd()", "../../etc/passwd", "1e999"]
    assert [line.line for line in lines if line.fault] == list(range(3, 11))


def test_thousands_of_keys_do_not_become_thousands_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    path.write_bytes(b"".join(b'{"k%d": %d}\n' % (i, i) for i in range(5_000)))
    with open_file(str(path), settle_seconds=0, max_gib=1, wanted=("k4999",)) as rows:
        assert len(rows.columns) == 1_001
        found = lines_of(rows)
    assert len(found) == 5_000
    assert found[-1].cells[-1] == "4999"
    assert found[-1].text == '{"k4999": 4999}'
