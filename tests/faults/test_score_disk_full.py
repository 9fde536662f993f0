"""The disk fills up while a night is scored: an error that says so, the night before stays in the lake, and a rerun is exact (F38)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config import Config, load
from pipeline.errors import Unreachable
from pipeline.lake import Lake
from tests.faults.laid_night import refused_in_words, scored_here
from tests.faults.scoring_night import PARTITION, TARGET
from tests.faults.small_disk import Disk, mounted
from tests.faults.warm import Ended, begin
from tests.synthetic_lake import AS_OF, SETTINGS, write_toml

KIB = 1024
UNREACHABLE = 30


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", 16) as found:
        yield found


def shop(trained: Config, root: Path, lake: Path) -> Config:
    """The shop that is ready to be scored, its lake at another place."""
    shutil.copytree(trained.root, root, ignore=shutil.ignore_patterns("lake"))
    shutil.copytree(trained.lake_url, lake)
    targets, workers = {TARGET: SETTINGS["targets"][TARGET]}, {"workers": 1, "timeout_minutes": 5}
    return load(write_toml(root, targets=targets, dask=workers, lake={"buckets": 3, "url": str(lake)}))


def score(config: Config, environment: dict[str, str] | None = None) -> Ended:
    words = ["score", "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json"]
    return begin(words, config.root / "score", environment=environment).ended()


def rows(config: Config) -> pa.Table:
    """What is committed, without what differs between runs."""
    return Lake(config.lake_url).read("scores", PARTITION).drop_columns(["run_id", "scored_at"])


def test_a_lake_without_room(trained_night: Config, tmp_path: Path, disk: Disk) -> None:
    """With nothing left no worker can write what it has scored; with a little, what is ranked does not fit, or the commit."""
    config = shop(trained_night, tmp_path / "night", disk.place / "lake")
    scored_here(config)
    before = rows(config)
    assert before.num_rows == 240
    disk.fill(0)
    with pytest.raises(Unreachable, match=f"The disk of {config.lake_url} is full"):
        scored_here(config)
    assert rows(config).equals(before)
    disk.clear()
    disk.fill(40 * KIB)
    ended = score(config)
    refused_in_words(ended, [UNREACHABLE])
    assert f"The disk of {config.lake_url} is full" in ended.said
    assert rows(config).equals(before)
    disk.clear()
    run_id = scored_here(config)["run_id"]
    assert rows(config).equals(before)
    assert set(Lake(config.lake_url).read("scores", PARTITION)["run_id"].to_pylist()) == {run_id}


def test_a_temporary_folder_without_room(trained_night: Config, tmp_path: Path, disk: Disk) -> None:
    """There the champion's files are put, and what workers keep."""
    config = shop(trained_night, tmp_path / "night", tmp_path / "lake")
    disk.fill(8 * KIB)
    ended = score(config, {"TMPDIR": str(disk.place)})
    refused_in_words(ended, [UNREACHABLE])
    assert f"The disk of {disk.place}" in ended.said
    assert Lake(config.lake_url).version("scores") is None
