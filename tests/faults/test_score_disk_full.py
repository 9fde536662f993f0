"""The disk fills up while a night is scored: an error that says so, the night before stays in the lake, and a rerun is exact (F38)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config import Config, load
from pipeline.lake import Lake
from tests.faults.laid_night import refused_in_words
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


def rows(config: Config) -> pa.Table | None:
    """What is committed, without what differs between runs."""
    lake = Lake(config.lake_url)
    return None if lake.version("scores") is None else lake.read("scores", PARTITION).drop_columns(["run_id", "scored_at"])


@pytest.mark.parametrize("left", [0, 40 * KIB])
def test_a_lake_without_room(trained_night: Config, tmp_path: Path, disk: Disk, left: int) -> None:
    """With nothing left no worker can write; with a little the commit, or what comes before it, cannot."""
    config = shop(trained_night, tmp_path / "night", disk.place / "lake")
    disk.fill(left)
    ended = score(config)
    refused_in_words(ended, [UNREACHABLE])
    assert f"The disk of {config.lake_url} is full" in ended.said
    assert rows(config) is None
    disk.clear()
    assert score(config).code == 0
    found = rows(config)
    assert found is not None
    assert len(found) == 240

    disk.fill(left)
    refused_in_words(score(config), [UNREACHABLE])
    assert rows(config) == found


def test_a_temporary_folder_without_room(trained_night: Config, tmp_path: Path, disk: Disk) -> None:
    """There the champion's files are put, and what workers keep."""
    config = shop(trained_night, tmp_path / "night", tmp_path / "lake")
    disk.fill(8 * KIB)
    ended = score(config, {"TMPDIR": str(disk.place)})
    refused_in_words(ended, [UNREACHABLE])
    assert f"The disk of {disk.place}" in ended.said
    assert rows(config) is None
