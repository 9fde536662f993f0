from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipeline.errors import Busy, ConfigError, PublishRefused, Unreachable
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.duckdb_file import read_copy
from tests.warehouse.engines import config_at
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, run_of, scores


def users(path: Path) -> int:
    with duckdb.connect(path, read_only=True) as reader:
        return int(reader.execute("SELECT count(*) FROM user_scores").fetchall()[0][0])


@pytest.mark.parametrize("url", ["duckdb:///:memory:", "duckdb:///night.duckdb?access_mode=read_only"])
def test_an_address_that_is_no_file_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"does not name a file"), open_warehouse(config_at(tmp_path, url)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_relative_file_is_beside_the_configuration_and_an_absolute_one_where_it_says(tmp_path: Path) -> None:
    for url, path in (
        ("duckdb:///a/night.duckdb", tmp_path / "a" / "night.duckdb"),
        (f"duckdb:///{tmp_path}/b.duckdb", tmp_path / "b.duckdb"),
    ):
        with open_warehouse(config_at(tmp_path, url)):
            pass
        assert path.is_file()


def test_readers_get_a_copy_when_a_night_was_published_and_only_then(tmp_path: Path) -> None:
    config, rows = config_at(tmp_path, "duckdb:///night.duckdb"), scores(40, 3)
    copy = read_copy(tmp_path / "night.duckdb")
    with open_warehouse(config) as warehouse, pytest.raises(PublishRefused):
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows, lake_version="none"))
    assert not copy.exists()
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
    assert users(copy) == 40


def test_a_refused_night_after_a_published_one_still_brings_the_copy_up_to_date(tmp_path: Path) -> None:
    config, rows = config_at(tmp_path, "duckdb:///night.duckdb"), scores(40, 3)
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
        with pytest.raises(PublishRefused):
            warehouse.publish(rows, TARGET, NEXT, run_of(rows, lake_version="none"))
    assert users(read_copy(tmp_path / "night.duckdb")) == 40


def test_a_copy_that_cannot_be_written_says_that_the_scores_are_published(tmp_path: Path) -> None:
    config, rows = config_at(tmp_path, "duckdb:///night.duckdb"), scores(40, 3)
    (tmp_path / "night_read.duckdb" / "folder").mkdir(parents=True)
    with (
        pytest.raises(Unreachable, match=r"scores are published, but their copy .*night_read\.duckdb"),
        open_warehouse(config) as warehouse,
    ):
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
    assert users(tmp_path / "night.duckdb") == 40


def test_two_transactions_on_one_night_in_one_process_are_busy_not_doubled(tmp_path: Path) -> None:
    config, rows = config_at(tmp_path, "duckdb:///night.duckdb"), scores(40, 3)
    with open_warehouse(config) as first, open_warehouse(config) as second:
        first.publish(rows, TARGET, CUTOFF, run_of(rows))
        second.begin("")  # type: ignore[attr-defined]
        second.execute("DELETE FROM user_scores")  # type: ignore[attr-defined]
        with pytest.raises(Busy, match=r"Another transaction changed the same rows"):
            first.publish(rows, TARGET, CUTOFF, run_of(rows))
        second.rollback()  # type: ignore[attr-defined]
        assert first.query("SELECT count(*) AS n FROM user_scores")["n"].to_pylist() == [40]
