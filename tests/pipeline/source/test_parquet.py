from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.source import parquet
from pipeline.source.files import open_file
from tests.pipeline.source.read_rows import Line, read

INSTANT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.parquet"


def write(table: pa.Table, path: Path, **options: Any) -> bytes:
    pq.write_table(table, path, **{"write_page_checksum": True, **options})
    return path.read_bytes()


def test_columns_keep_their_types_and_rows_their_numbers(path: Path) -> None:
    table = pa.table(
        {
            "user": pa.array([13798.0, None]),
            "aware": pa.array([INSTANT, None], pa.timestamp("us", tz="Europe/Berlin")),
            "day": pa.array([date(2026, 1, 31), None]),
            "price": pa.array([Decimal("2.50"), None]),
            "tags": pa.array([["a"], None]),
            "kind": pa.array(["view", None]).dictionary_encode(),
        }
    )
    write(table, path)
    rows, lines = read(path)
    assert rows.header
    assert rows.columns == {
        "user": "double",
        "aware": "timestamp[us, tz=Europe/Berlin]",
        "day": "date32[day]",
        "price": "decimal128(3, 2)",
        "tags": "list<element: string>",
        "kind": "dictionary<values=string, indices=int32, ordered=0>",
    }
    assert lines == [Line(1, (13798.0, INSTANT, date(2026, 1, 31), Decimal("2.50"), ["a"], "view")), Line(2, (None,) * 6)]


def test_more_rows_than_a_chunk_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CHUNK_ROWS", 3)
    write(pa.table({"user": [f"u{row}" for row in range(10)]}), path, row_group_size=5)
    assert [line.cells[0] for line in read(path)[1]] == [f"u{row}" for row in range(10)]


def test_a_chunk_of_long_texts_has_fewer_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CHUNK_BYTES", 3_200)
    write(pa.table({"user": [f"{row}" * 1_000 for row in range(9)]}), path, use_dictionary=False)
    with open_file(str(path), settle_seconds=0, max_gib=1) as rows:
        assert [chunk.num_rows for chunk in rows.chunks] == [2, 2, 2, 2, 1]


def test_no_row_is_no_chunk(path: Path) -> None:
    write(pa.table({"user": pa.array([], pa.string())}), path)
    assert read(path)[1] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-10],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[10:],
        lambda whole: b"PAR1" + bytes(len(whole)),
        lambda whole: bytes(len(whole)),
        lambda whole: b"id,user\n1,a\n",
        lambda whole: whole[:-8] + b"\xff\xff\xff\x7f" + whole[-4:],
    ],
)
def test_a_damaged_file_is_one_error_that_names_it(damage: Callable[[bytes], bytes], path: Path) -> None:
    whole = write(pa.table({"user": ["a", "b"]}), path)
    with pytest.raises(SourceError, match=r"day\.parquet is not a whole Parquet file"):
        read(path, damage(whole))


def test_a_flipped_bit_in_any_page_is_an_error(path: Path) -> None:
    table = pa.table({"user": [f"u{row}" for row in range(50)], "value": list(range(50))})
    whole = write(table, path)
    with pq.ParquetFile(path) as file:
        chunks = [file.metadata.row_group(0).column(index) for index in range(2)]
    last = max((chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size for chunk in chunks)
    found = 0
    for position in range(4, last, 3):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        try:
            assert [line.cells for line in read(path, bytes(flipped))[1]] == list(zip(*table.to_pydict().values(), strict=True))
        except SourceError:
            found += 1
    assert found > (last - 4) / 3 * 0.8  # the rest are statistics in page headers, which nothing reads


def test_two_columns_of_one_name_are_refused(path: Path) -> None:
    write(pa.table([["a"], ["b"]], names=["user", "user"]), path)
    with pytest.raises(SourceError, match="the column 'user' more than once"):
        read(path)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_a_text_that_is_not_utf8_is_a_fault_of_its_row(kind: pa.DataType, path: Path) -> None:
    texts = pa.array([b"a", b"caf\xe9", None], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 3, texts.buffers())
    if pa.types.is_dictionary(kind):
        column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int32()), column[:2])
    elif pa.types.is_large_string(kind):
        column = column.cast(kind)
    write(pa.table({"user": column, "n": [1, 2, 3]}), path)
    rows, lines = read(path)
    assert list(rows.columns) == ["user", "n"]
    fault = "The row holds a text that is not UTF-8"
    assert lines == [Line(1, ("a", 1)), Line(2, (), fault, '{"user": "caf\\\\xe9"}'), Line(3, (None, 3))]


def test_a_nested_text_that_is_not_utf8_is_an_error(path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"], pa.binary()).buffers())
    write(pa.table({"tags": pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), bad)}), path)
    with pytest.raises(SourceError, match=r"is not a whole Parquet file: .*UTF8"):
        read(path)


@pytest.mark.parametrize("dictionary", [True, False])
def test_a_file_that_unpacks_to_more_than_it_may_is_refused(dictionary: bool, path: Path) -> None:
    table = pa.table({"user": ["x" * 10_000] * 5_000})
    whole = write(table, path, use_dictionary=dictionary, compression="zstd")
    assert len(whole) < 100_000
    with pytest.raises(SourceError, match=r"day\.parquet holds more than 0\.01 GiB"):
        read(path, max_gib=0.01)


def test_a_file_that_says_another_number_of_rows_is_an_error(path: Path) -> None:
    write(pa.table({"user": ["a", "b"]}), path)
    with pq.ParquetFile(path) as file, pytest.raises(SourceError, match="it has 0 rows and says 2"):
        list(parquet._chunks("day.parquet", file, [], 1.0))
