import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.lake import Lake
from pipeline.lake_files import exists, open_parquet, paths_below, put, remove, remove_unnamed

DAY = 86_400


@pytest.fixture(params=["path", "URL"])
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    return str(tmp_path / "lake") if request.param == "path" else (tmp_path / "lake").as_uri()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.parquet"
    pq.write_table(pa.table({"a": range(1000)}), path, write_page_checksum=True)
    return path


def aged(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * DAY,) * 2)


def test_a_file_is_put_whole_replaced_and_removed(lake: str, source: Path, tmp_path: Path) -> None:
    target = f"{lake}/refused/day=1/run.parquet"
    assert put(target, source) == put(target, source) == source.stat().st_size
    assert (tmp_path / "lake/refused/day=1/run.parquet").read_bytes() == source.read_bytes()
    assert paths_below(f"{lake}/refused") == ["day=1/run.parquet"]
    remove(target)
    remove(target)
    assert paths_below(f"{lake}/refused") == []


def test_a_put_that_fails_leaves_the_earlier_file_and_no_half(lake: str, source: Path, tmp_path: Path) -> None:
    target = f"{lake}/day=1/run.parquet"
    put(target, source)
    with pytest.raises(OSError, match="absent"):
        put(target, tmp_path / "absent.parquet")
    assert [path.name for path in (tmp_path / "lake/day=1").iterdir()] == ["run.parquet"]


CUT_OFF = """
import os, sys
from pathlib import Path
from pipeline.lake import Lake
from pipeline.lake_files import put
Path.replace = lambda *_: os._exit(9)
put(sys.argv[1], Path(sys.argv[2]))
"""


def test_a_put_that_is_killed_leaves_nothing_under_the_name(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "lake/day=1/run.parquet"
    assert subprocess.run([sys.executable, "-c", CUT_OFF, str(target), str(source)], check=False).returncode == 9
    assert not exists(str(target))
    assert paths_below(str(tmp_path / "lake")) == ["day=1/run.parquet.tmp"]
    assert Lake(str(tmp_path)).list_files("lake") == []
    aged(target.with_suffix(".parquet.tmp"), 8)
    assert remove_unnamed(str(tmp_path / "lake"), {"1": "run"}, retention_days=7) == 1
    assert list(target.parent.iterdir()) == []


def test_a_flipped_bit_is_never_read_as_an_answer(source: Path) -> None:
    content = bytearray(source.read_bytes())
    content[200] ^= 1
    source.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"), open_parquet(str(source)) as file:
        file.read()


def test_files_that_no_run_names_go_when_they_are_old(lake: str, source: Path, tmp_path: Path) -> None:
    for path, age in {"day=1/a": 9, "day=1/b": 9, "day=2/c": 9, "day=2/young": 6, "day=3/never": 9}.items():
        put(f"{lake}/refused/{path}.parquet", source)
        aged(tmp_path / f"lake/refused/{path}.parquet", age)
    assert remove_unnamed(f"{lake}/refused", {"1": "a", "2": "c", "4": "a"}, retention_days=7) == 2
    assert paths_below(f"{lake}/refused") == ["day=1/a.parquet", "day=2/c.parquet", "day=2/young.parquet"]
    assert remove_unnamed(f"{lake}/nothing", {}, retention_days=7) == 0
