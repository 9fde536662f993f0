from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import Busy, MissingInput
from pipeline.lake import Lake

SCHEMA = pa.schema([pa.field("user_id", pa.string()), pa.field("score", pa.float64())])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def rows(*users: str) -> pa.Table:
    return pa.table({"user_id": users, "score": [0.5] * len(users)}, schema=SCHEMA)


def put(lake: Lake, day: str, *users: str, name: str = "part", **options: object) -> int:
    part = lake.write_part("scores", {"day": day}, name, rows(*users))
    return lake.commit("scores", SCHEMA, {"day": day}, [part], metadata={"by": name}, **options)


def users(lake: Lake, **where: str) -> list[str]:
    return sorted(lake.read("scores", where)["user_id"].to_pylist())


def test_a_part_is_invisible_until_it_is_committed(lake: Lake) -> None:
    put(lake, "1", "a")
    lake.write_part("scores", {"day": "1"}, "orphan", rows("ghost"))
    assert users(lake) == ["a"]


def test_a_commit_replaces_its_partition_and_no_other(lake: Lake) -> None:
    put(lake, "1", "a")
    put(lake, "2", "b")
    put(lake, "1", "c", "d", name="again")
    assert users(lake, day="1") == ["c", "d"]
    assert users(lake, day="2") == ["b"]


def test_an_empty_key_replaces_everything(lake: Lake) -> None:
    put(lake, "1", "a")
    part = lake.write_part("scores", {"day": "2"}, "all", rows("b"))
    lake.commit("scores", SCHEMA, {}, [part], metadata={})
    assert users(lake) == ["b"]


def test_an_older_version_stays_readable(lake: Lake) -> None:
    first = put(lake, "1", "a")
    put(lake, "1", "b", name="again")
    assert lake.read("scores", version=first)["user_id"].to_pylist() == ["a"]


def test_of_two_runs_that_replace_one_partition_the_second_is_busy(lake: Lake) -> None:
    before = put(lake, "1", "a")
    put(lake, "1", "b", name="first", expected=before)
    with pytest.raises(Busy, match="day"):
        put(lake, "1", "c", name="second", expected=before)
    assert users(lake) == ["b"]


def test_two_first_writers_of_an_empty_partition_do_not_double_it(lake: Lake) -> None:
    before = put(lake, "1", "a")
    put(lake, "2", "b", name="first", expected=before)
    with pytest.raises(Busy):
        put(lake, "2", "c", name="second", expected=before)
    assert users(lake, day="2") == ["b"]


def test_two_first_writers_of_a_table_do_not_double_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "1", "a")
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "open", lambda self, table: None)
        with pytest.raises(Busy):
            put(lake, "1", "b", name="second")
    assert users(lake) == ["a"]


def test_runs_that_replace_different_partitions_do_not_disturb_each_other(lake: Lake) -> None:
    before = put(lake, "1", "a")
    put(lake, "2", "b", expected=before)
    put(lake, "3", "c", expected=before)
    assert users(lake) == ["a", "b", "c"]


def test_partition_columns_come_back_with_their_types(lake: Lake) -> None:
    parts = [lake.write_part("t", {"cutoff": "x", "bucket": str(bucket)}, "p", rows(f"u{bucket}")) for bucket in (0, 10)]
    lake.commit("t", SCHEMA, {"cutoff": "x"}, parts, metadata={})
    found = lake.read("t", {"bucket": "10"}, ["user_id", "bucket"])
    assert found.to_pydict() == {"user_id": ["u10"], "bucket": [10]}
    assert found.schema.field("bucket").type == pa.int32()
    assert lake.partitions("t") == [{"bucket": "0", "cutoff": "x"}, {"bucket": "10", "cutoff": "x"}]


def test_each_partition_says_what_its_last_commit_recorded(lake: Lake) -> None:
    put(lake, "1", "a", name="old")
    put(lake, "1", "a", name="new")
    for day in range(2, 40):
        put(lake, str(day), "b", name=f"d{day}")
    assert lake.metadata("scores", {"day": "1"})["by"] == "new"
    assert lake.metadata("scores", {"day": "99"}) == {}
    assert lake.metadata("nothing", {}) == {}


def test_what_is_not_there_is_missing_input(lake: Lake) -> None:
    with pytest.raises(MissingInput, match="no table 'scores'"):
        lake.read("scores")
    put(lake, "1", "a")
    with pytest.raises(MissingInput, match="no partition"):
        lake.read("scores", {"day": "2"})
    assert lake.version("nothing") is None
    assert lake.partitions("nothing") == []


def test_a_scan_reads_one_version_with_a_filter(lake: Lake) -> None:
    first = put(lake, "1", "a", "b")
    put(lake, "2", "c")
    assert lake.scan("scores", version=first).to_table(filter=pa.compute.field("user_id") == "b").num_rows == 1
    assert lake.scan("scores", version=first + 1).count_rows() == 3


@pytest.mark.parametrize("reader", ["read", "scan"])
def test_a_flipped_bit_is_never_read_as_an_answer(lake: Lake, reader: str) -> None:
    version = put(lake, "1", *(f"user-{number}" for number in range(1000)))
    (path,) = Path(lake.uri("scores")).glob("day=1/*.parquet")
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        lake.read("scores") if reader == "read" else lake.scan("scores", version=version).to_table()
