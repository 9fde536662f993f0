from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.lake import Lake
from pipeline.lake_parts import Layout, Part

SCHEMA = pa.schema([pa.field("user_id", pa.string(), nullable=False), pa.field("x", pa.float64(), nullable=False)])
LAYOUT = Layout(dictionaries=(), rows_per_group=4)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def table(first: int, last: int) -> pa.Table:
    numbers = np.arange(first, last)
    return pa.table({"user_id": pa.array([f"u{number:03d}" for number in numbers], pa.string()), "x": numbers / 7}, SCHEMA)


def written(lake: Lake, edges: Sequence[int], name: str = "part") -> tuple[Part | None, Path]:
    """Rows 0 to the last edge, in pieces that end at the edges."""
    with lake.part_writer("t", {"day": "1"}, name, SCHEMA, LAYOUT) as writer:
        for first, last in pairwise((0, *edges)):
            writer.write(table(first, last))
    return writer.part, Path(lake.uri("t"), "day=1", f"{name}.parquet")


@pytest.mark.parametrize("edges", [(11,), (1, 2, 3, 11), (4, 8, 11), (0, 3, 3, 9, 11, 11), tuple(range(1, 12))])
def test_the_same_rows_in_any_pieces_are_the_same_bytes(lake: Lake, edges: tuple[int, ...]) -> None:
    part, path = written(lake, edges)
    assert path.read_bytes() == written(lake, (5, 11), "other")[1].read_bytes()
    assert part == Part("day=1/part.parquet", (("day", "1"),), 11, path.stat().st_size)
    groups = pq.read_metadata(path)
    assert [groups.row_group(place).num_rows for place in range(groups.num_row_groups)] == [4, 4, 3]


def test_what_was_written_is_read_and_its_pages_are_checked(lake: Lake) -> None:
    part, path = written(lake, (3, 11))
    assert part is not None
    lake.commit("t", SCHEMA, {"day": "1"}, [part], metadata={})
    assert lake.read("t", columns=SCHEMA.names).equals(table(0, 11))
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        lake.read("t")


@pytest.mark.parametrize("edges", [(), (0, 0)])
def test_without_a_row_there_is_no_file(lake: Lake, edges: tuple[int, ...]) -> None:
    part, path = written(lake, edges)
    assert part is None
    assert not path.exists()


def fail_half_way(lake: Lake) -> None:
    with lake.part_writer("t", {"day": "1"}, "part", SCHEMA, LAYOUT) as writer:
        writer.write(table(0, 9))
        assert list(Path(lake.uri("t")).rglob("*.parquet"))
        raise ZeroDivisionError


def test_an_error_leaves_nothing_behind(lake: Lake) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_half_way(lake)
    assert not list(Path(lake.uri("t")).rglob("*.parquet"))


def test_columns_are_stored_as_the_layout_says(lake: Lake) -> None:
    rows = pa.table({"a": pa.array(["x", "y"] * 50), "b": pa.array(["x", "y"] * 50), "n": pa.array(range(100))})
    lake.write_part("t", {"day": "1"}, "part", rows, Layout(dictionaries=("a",), differences=("n",), rows_per_group=60))
    found = pq.read_metadata(Path(lake.uri("t"), "day=1", "part.parquet"))
    assert found.num_row_groups == 2
    used = {column.path_in_schema: set(column.encodings) for place in range(3) for column in [found.row_group(0).column(place)]}
    assert ["RLE_DICTIONARY" in used[name] for name in "abn"] == [True, False, False]
    assert "DELTA_BINARY_PACKED" in used["n"]
    assert found.row_group(0).column(0).compression == "ZSTD"
