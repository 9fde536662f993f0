from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import MissingInput
from pipeline.lake import Lake
from tests.pipeline.lake_ages import days_pass
from tests.pipeline.lake_writers import SCHEMA, write


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def files(lake: Lake) -> set[str]:
    return {path.stem for path in Path(lake.uri("t")).rglob("*.parquet") if path.parent.name != "_delta_log"}


def put(lake: Lake, day: str, name: str) -> int:
    part = lake.write_part("t", {"day": day}, name, pa.table({"by": [name]}, SCHEMA))
    return lake.commit("t", SCHEMA, {"day": day}, [part], metadata={"by": name})


def test_a_replaced_file_goes_when_it_was_replaced_long_enough_ago(lake: Lake) -> None:
    put(lake, "1", "old")
    days_pass(lake, 30)
    before = lake.version("t")
    put(lake, "1", "new")
    put(lake, "2", "other")
    assert lake.tidy("t", keep_versions=None, retention_days=7) == 0
    days_pass(lake, 8)
    assert lake.tidy("t", keep_versions=None, retention_days=9) == 0
    assert files(lake) == {"old", "new", "other"}
    assert lake.tidy("t", keep_versions=None, retention_days=7) == 1
    assert files(lake) == {"new", "other"}
    with pytest.raises(MissingInput):
        lake.read("t", version=before)


def test_of_a_derived_table_the_last_versions_stay_whole(lake: Lake) -> None:
    versions = [put(lake, "1", f"v{number}") for number in range(5)]
    assert lake.tidy("t", keep_versions=3, retention_days=7) == 2
    assert files(lake) == {"v2", "v3", "v4"}
    assert [lake.read("t", version=version)["by"].to_pylist() for version in versions[2:]] == [["v2"], ["v3"], ["v4"]]
    assert lake.tidy("t", keep_versions=1, retention_days=7) == 2
    assert lake.tidy("t", keep_versions=3, retention_days=7) == 0
    assert files(lake) == {"v4"}


@pytest.mark.parametrize("keep_versions", [None, 1])
def test_a_part_that_another_run_is_about_to_commit_stays_and_one_of_a_dead_run_goes(lake: Lake, keep_versions: int | None) -> None:
    put(lake, "1", "a")
    lake.write_part("t", {"day": "2"}, "dead", pa.table({"by": ["dead"]}, SCHEMA))
    days_pass(lake, 8)
    part = lake.write_part("t", {"day": "1"}, "alive", pa.table({"by": ["alive"]}, SCHEMA))
    assert lake.tidy("t", keep_versions=keep_versions, retention_days=7) == 1
    lake.commit("t", SCHEMA, {"day": "1"}, [part], metadata={})
    assert lake.read("t")["by"].to_pylist() == ["alive"]


def test_tidying_changes_no_version_and_no_row(lake: Lake) -> None:
    write(lake, "1", "a")
    version = write(lake, "1", "b")
    assert lake.tidy("t", keep_versions=1, retention_days=7) == 1
    assert lake.version("t") == version
    assert lake.read("t")["by"].to_pylist() == ["b"]


def test_a_table_that_is_not_there_is_tidy(lake: Lake) -> None:
    assert lake.tidy("nothing", keep_versions=3, retention_days=7) == 0


def test_a_table_that_rested_for_months_is_still_known_and_can_go_on(lake: Lake) -> None:
    """The log forgets old commits; it keeps the last one, and what guards each partition."""
    for number in range(45):
        put(lake, str(number % 3), f"v{number}")
        days_pass(lake, 1)
    days_pass(lake, 100)
    version = put(lake, "0", "after")
    for number in range(20):
        put(lake, "1", f"w{number}")
    assert lake.tidy("t", keep_versions=3, retention_days=7) > 0
    assert lake.names("t") == {"0": "after", "1": "w19", "2": "v44"}
    assert lake.metadata("t", {"day": "1"})["by"] == "w19"
    assert lake.version("t") == version + 20
    with pytest.raises(MissingInput):
        lake.files("t", version=version - 10)
