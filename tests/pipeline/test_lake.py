from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.lake_commit import Change
from pipeline.lake_parts import Layout

SCHEMA = pa.schema([pa.field("user_id", pa.string()), pa.field("score", pa.float64())])


@pytest.fixture(params=["path", "URL"])
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A URL goes the way of an object store, through Arrow's and Delta's own file systems."""
    return Lake(str(tmp_path / "lake") if request.param == "path" else (tmp_path / "lake").as_uri())


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


def test_a_scan_reads_chosen_partitions_alone(lake: Lake) -> None:
    version = max(put(lake, day, user) for day, user in (("1", "a"), ("2", "b"), ("3", "c")))
    found = lake.scan("scores", version=version, where=[{"day": "1"}, {"day": "3"}, {"day": "9"}])
    assert sorted(found.to_table()["user_id"].to_pylist()) == ["a", "c"]
    nothing = lake.scan("scores", version=version, where=[{"day": "9"}])
    assert nothing.to_table(columns=["score"]).schema == pa.schema([pa.field("score", pa.float64())])
    assert nothing.count_rows() == 0


def test_a_version_says_which_files_it_holds(lake: Lake) -> None:
    put(lake, "1", "a", name="first")
    before = put(lake, "2", "b", name="second")
    after = put(lake, "1", "c", name="third")
    old, new = (lake.files("scores", version=version) for version in (before, after))
    assert sorted(values["day"] for values in old.values()) == ["1", "2"]
    assert [path.split("/")[-2:] for path in old.keys() - new.keys()] == [["day=1", "first.parquet"]]
    assert [(path.split("/")[-1], new[path]) for path in new.keys() - old.keys()] == [("third.parquet", {"day": "1"})]


@pytest.mark.parametrize("ask", [Lake.read, Lake.scan, Lake.files])
def test_a_version_that_is_not_there_is_missing_input(lake: Lake, ask: Callable[..., object]) -> None:
    put(lake, "1", "a")
    with pytest.raises(MissingInput, match="no version 7 of 'scores'"):
        ask(lake, "scores", version=7)


def test_a_version_whose_file_is_gone_is_missing_input(lake: Lake, tmp_path: Path) -> None:
    version = put(lake, "1", "a")
    (path,) = tmp_path.glob("lake/scores/day=1/*.parquet")
    path.unlink()
    with pytest.raises(MissingInput, match="Version 0 of 'scores' is not whole"):
        lake.read("scores", version=version)


def made(tmp_path: Path, *users: str, **footer: str) -> Path:
    """A finished local file, as the judge of a batch leaves it."""
    path = tmp_path / f"{len(users)}.parquet"
    pq.write_table(rows(*users).replace_schema_metadata(footer), path, write_page_checksum=True)
    return path


def test_a_finished_file_becomes_a_part_and_names_its_partition(lake: Lake, tmp_path: Path) -> None:
    assert (lake.names("scores"), lake.footer("scores", {"day": "1"})) == ({}, {})
    for day, run, file in (("1", "run-1", made(tmp_path, "a", "b", said="first")), ("2", "run-2", made(tmp_path, "c"))):
        part = lake.put_part("scores", {"day": day}, run, file)
        assert (part.rows, part.bytes) == (pq.read_metadata(file).num_rows, file.stat().st_size)
        lake.commit("scores", SCHEMA, {"day": day}, [part], metadata={})
    lake.put_part("scores", {"day": "2"}, "run-3", made(tmp_path, "never committed"))
    assert users(lake) == ["a", "b", "c"]
    assert lake.names("scores") == {"1": "run-1", "2": "run-2"}
    assert lake.footer("scores", {"day": "1"}) == {"said": "first"}
    assert lake.footer("scores", {"day": "2"}) == lake.footer("scores", {"day": "9"}) == {}


def test_a_plain_file_is_kept_beside_the_tables(lake: Lake, tmp_path: Path) -> None:
    assert lake.list_files("refused") == []
    assert lake.open_file("refused/day=1/run.parquet") is None
    for path in ("refused/day=2/run-2.parquet", "refused/day=1/run-1.parquet", "refused/day=1/run-2.parquet"):
        lake.put_file(path, made(tmp_path, "a", "b"))
    lake.put_file("refused/day=1/run-1.parquet", made(tmp_path, "c"))
    lake.remove_file("refused/day=1/run-2.parquet")
    lake.remove_file("refused/day=1/run-2.parquet")
    assert lake.list_files("refused") == ["refused/day=1/run-1.parquet", "refused/day=2/run-2.parquet"]
    assert lake.list_files("refused/day=2") == ["refused/day=2/run-2.parquet"]
    with lake.open_file("refused/day=1/run-1.parquet") or pytest.fail("the file is not there") as file:
        assert file.read()["user_id"].to_pylist() == ["c"]


@pytest.mark.parametrize("reader", ["read", "scan"])
def test_a_flipped_bit_is_never_read_as_an_answer(lake: Lake, tmp_path: Path, reader: str) -> None:
    version = put(lake, "1", *(f"user-{number}" for number in range(1000)))
    (path,) = tmp_path.glob("lake/scores/day=1/*.parquet")
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        lake.read("scores") if reader == "read" else lake.scan("scores", version=version).to_table()


def test_row_groups_come_one_by_one_with_texts_as_dictionaries(lake: Lake) -> None:
    schema = pa.schema([pa.field("user_id", pa.string()), pa.field("x", pa.int64())])
    rows = pa.table({"user_id": ["a", "a", "b", "c", "c"], "x": range(5)}, schema)
    part = lake.write_part("t", {"bucket": "0"}, "part", rows, Layout(rows_per_group=2))
    empty = lake.write_part("t", {"bucket": "1"}, "part", schema.empty_table())
    version = lake.commit("t", schema, {}, [part, empty], metadata={})
    found = list(lake.row_groups("t", {"bucket": "0"}, ["x", "user_id"], dictionaries=["user_id"], version=version))
    assert [group["x"].to_pylist() for group in found] == [[0, 1], [2, 3], [4]]
    assert [group["user_id"].type for group in found] == [pa.dictionary(pa.int32(), pa.string())] * 3
    (nothing,) = lake.row_groups("t", {"bucket": "1"}, ["user_id"], dictionaries=["user_id"], version=version)
    assert nothing.num_rows == 0
    with pytest.raises(MissingInput, match="no partition"):
        next(lake.row_groups("t", {"bucket": "2"}, ["x"], dictionaries=[], version=version))


def test_several_partitions_are_replaced_together_and_nothing_else(lake: Lake) -> None:
    for day in "123":
        put(lake, day, f"before {day}")
    parts = {day: lake.write_part("scores", {"day": day}, "new", rows(f"new {day}")) for day in "23"}
    assert lake.commit_all("scores", SCHEMA, [Change({"day": day}, [part], {"by": day}) for day, part in parts.items()]) == 3
    assert users(lake) == ["before 1", "new 2", "new 3"]
    assert [lake.metadata("scores", {"day": day})["by"] for day in "123"] == ["part", "2", "3"]
    lake.tidy("scores", keep_versions=1, retention_days=7)
    assert users(lake) == ["before 1", "new 2", "new 3"]
    assert len(list(Path(lake.uri("scores").removeprefix("file://")).rglob("day=*/*.parquet"))) == 3
