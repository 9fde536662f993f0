from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars
import pyarrow.parquet as pq
import pytest

from pipeline import export as module
from pipeline.config import Config
from pipeline.config_sections import Export
from pipeline.errors import Unreachable
from pipeline.export import export
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.tables import USER_SCORES
from tests.warehouse.engines import config_at
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, run_of, scores


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Exports into `files`; one night of 40 users is published."""
    config = config_at(tmp_path, "duckdb:///night.duckdb").model_copy(update={"export": Export(folder="files")})
    publish(config)
    return config


def publish(config: Config, users: int = 40, cutoff: object = CUTOFF, **made: object) -> None:
    rows = scores(users, **made)
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, cutoff, run_of(rows))


def night(config: Config, cutoff: object = CUTOFF) -> Path:
    return config.root / f"files/user_scores/{TARGET}/{cutoff.key}.parquet"


def latest(config: Config) -> Path:
    return config.root / f"files/user_scores_latest/{TARGET}.parquet"


def test_the_rows_that_are_published_are_those_in_both_files(config: Config) -> None:
    assert export(config, [TARGET], CUTOFF) == [str(night(config)), str(latest(config))]
    with open_warehouse(config) as warehouse:
        published = warehouse.query("SELECT * FROM user_scores").sort_by("user_id")
        checksum = warehouse.checksum(TARGET, CUTOFF)
    found = pq.read_table(night(config))
    assert found.equals(published.cast(USER_SCORES.arrow))
    assert latest(config).read_bytes() == night(config).read_bytes()
    assert found.schema.metadata == {
        b"target": TARGET.encode(),
        b"cutoff": b"2026-03-02T00:00:00Z",
        b"model_version": b"4",
        b"checksum": checksum.encode(),
    }
    assert found.schema.field("decile").metadata[b"comment"] == b"Tenth of the night's scored users, 1 (most likely) to 10."


def test_exporting_again_leaves_the_same_bytes_and_nothing_else(config: Config) -> None:
    export(config, [TARGET], CUTOFF)
    before = night(config).read_bytes()
    export(config, [TARGET], CUTOFF)
    assert night(config).read_bytes() == before
    assert sorted(path.name for path in (config.root / "files").rglob("*") if path.is_file()) == [
        module.LOCK,
        "20260302T000000Z.parquet",
        f"{TARGET}.parquet",
    ]


def test_a_later_night_becomes_the_latest_and_a_backfill_does_not(config: Config) -> None:
    publish(config, 50, NEXT)
    assert len(export(config, [TARGET], NEXT)) == 2
    assert export(config, [TARGET], CUTOFF) == [str(night(config))]
    assert [pq.read_metadata(path).num_rows for path in (night(config), night(config, NEXT), latest(config))] == [40, 50, 50]


def test_a_night_that_is_published_again_replaces_its_file(config: Config) -> None:
    export(config, [TARGET], CUTOFF)
    publish(config, 60)
    export(config, [TARGET], CUTOFF)
    assert [pq.read_metadata(path).num_rows for path in (night(config), latest(config))] == [60, 60]


def test_the_files_of_all_targets_are_read_as_one_table(config: Config) -> None:
    export(config, [TARGET], CUTOFF)
    publish(config, 50, NEXT)
    export(config, [TARGET], NEXT)
    assert polars.scan_parquet(config.root / "files/user_scores/*/*.parquet").collect().height == 90
    assert polars.scan_parquet(config.root / "files/user_scores_latest/*.parquet").collect().height == 50


def test_without_a_folder_nothing_is_exported(config: Config) -> None:
    assert export(config.model_copy(update={"export": Export()}), [TARGET], CUTOFF) == []
    assert not (config.root / "files").exists()


def test_a_night_that_is_kept_no_longer_has_no_file(config: Config) -> None:
    assert export(config, [TARGET], NEXT) == []


def test_a_folder_may_be_a_url(config: Config) -> None:
    url = (config.root / "elsewhere").as_uri()
    one, other = export(config.model_copy(update={"export": Export(folder=url)}), [TARGET], CUTOFF)
    assert one == f"{url}/user_scores/{TARGET}/20260302T000000Z.parquet"
    assert (config.root / "elsewhere/user_scores_latest" / f"{TARGET}.parquet").is_file()
    assert other.startswith(url)


@pytest.mark.parametrize("folder", ["files/taken", "nowhere://bucket/scores"])
def test_files_that_cannot_be_written_are_told_with_the_scores_published(config: Config, folder: str) -> None:
    (config.root / "files").mkdir()
    (config.root / "files/taken").touch()
    with pytest.raises(Unreachable, match=r"(?s)The scores are published, but .*export\.folder"):
        export(config.model_copy(update={"export": Export(folder=folder)}), [TARGET], CUTOFF)


KILLED = """
import os, sys
from pathlib import Path
from pipeline.lake_files import put
Path.replace = lambda *_: os._exit(9)
put(sys.argv[1], Path(sys.argv[2]))
"""


def test_a_killed_export_leaves_the_file_before_whole_and_the_next_one_ends_it(config: Config) -> None:
    export(config, [TARGET], CUTOFF)
    other = config.root / "other.parquet"
    other.write_bytes(b"half")
    assert subprocess.run([sys.executable, "-c", KILLED, str(latest(config)), str(other)], check=False).returncode == 9
    assert pq.read_metadata(latest(config)).num_rows == 40
    export(config, [TARGET], CUTOFF)
    assert [path.name for path in latest(config).parent.iterdir()] == [f"{TARGET}.parquet"]


def test_rows_that_another_run_publishes_meanwhile_are_those_in_the_file(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is taken before the rows are read: who publishes last exports last."""
    taken = module.refresh_lock

    def late(path: Path) -> object:
        publish(config, 70)
        return taken(path)

    monkeypatch.setattr(module, "refresh_lock", late)
    export(config, [TARGET], CUTOFF)
    assert pq.read_metadata(night(config)).num_rows == 70
