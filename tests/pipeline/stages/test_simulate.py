from __future__ import annotations

import gzip
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import NightcastError
from pipeline.stages.simulate import run

ARGUMENTS: dict[str, Any] = {"profile": "plain", "users": 200, "days": 42, "start": date(2025, 6, 1), "seed": 7, "show": False}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_shop_is_daily_files_an_oracle_and_a_note(tmp_path: Path) -> None:
    result = run(tmp_path, **ARGUMENTS)
    assert {path.name for path in tmp_path.iterdir()} == {"events", "oracle.parquet", "simulation.json"}
    assert sorted(path.name for path in (tmp_path / "events").iterdir())[::41] == ["2025-06-01.csv.gz", "2025-07-12.csv.gz"]
    rows = pl.concat(pl.read_csv(path, infer_schema=False) for path in (tmp_path / "events").iterdir())
    times = ["event_time", "available_at"]
    assert rows.columns == ["event_id", "user_id", *times, "event_type", "item_id", "category", "value", "session_id", "segment"]
    assert len(rows) == result["events"] + result["duplicates"] + result["broken"]
    oracle = pl.read_parquet(tmp_path / "oracle.parquet")
    assert len(oracle) == result["oracle_rows"]
    assert set(oracle["target"]) == {"purchase_7d", "churn_28d"}
    assert [str(cutoff.date()) for cutoff in oracle["cutoff"].unique().sort()] == ["2025-06-29", "2025-07-06", "2025-07-13"]
    assert set(oracle["user_id"]) <= set(rows["user_id"])
    assert {name: result[name] for name in ("days", "files")} == {"days": 42, "files": 42}
    assert result["late"] > 0
    assert result["users"] == rows.filter(pl.col("event_id").str.starts_with("e"))["user_id"].n_unique()


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    run(tmp_path / "a", **ARGUMENTS)
    run(tmp_path / "b", **ARGUMENTS)
    before = contents(tmp_path / "a")
    run(tmp_path / "a", **ARGUMENTS)
    assert before == contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("change", [{"seed": 8}, {"profile": "ordered"}, {"start": date(2025, 6, 2)}])
def test_another_argument_gives_another_shop(tmp_path: Path, change: dict[str, object]) -> None:
    run(tmp_path / "a", **ARGUMENTS)
    run(tmp_path / "b", **ARGUMENTS | change)
    shops = [[gzip.decompress(path.read_bytes()) for path in sorted((tmp_path / name / "events").iterdir())] for name in "ab"]
    assert shops[0][5] != shops[1][5]


def test_a_second_shop_does_not_mix_with_the_first(tmp_path: Path) -> None:
    run(tmp_path, **ARGUMENTS)
    before = contents(tmp_path)
    with pytest.raises(NightcastError, match="already holds files"):
        run(tmp_path, **ARGUMENTS | {"seed": 8})
    assert contents(tmp_path) == before


@pytest.mark.parametrize(("name", "value"), [("users", 0), ("days", 0), ("seed", -1)])
def test_an_impossible_size_is_refused_before_anything_is_written(tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(NightcastError, match=f"{name} = {value}"):
        run(tmp_path / "shop", **ARGUMENTS | {name: value})
    assert not (tmp_path / "shop").exists()


def test_an_unknown_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NightcastError, match="fancy"):
        run(tmp_path / "shop", **ARGUMENTS | {"profile": "fancy"})


def test_noise_has_no_broken_rows_and_one_probability_per_target_and_cutoff(tmp_path: Path) -> None:
    result = run(tmp_path, **ARGUMENTS | {"profile": "noise"})
    oracle = pl.read_parquet(tmp_path / "oracle.parquet")
    assert result["broken"] == 0
    assert (oracle.group_by("target", "cutoff").agg(pl.col("probability").n_unique())["probability"] == 1).all()


@pytest.mark.slow
def test_a_million_events_take_less_than_thirty_seconds_of_a_core(tmp_path: Path) -> None:
    began = time.process_time()
    result = run(tmp_path, **ARGUMENTS | {"users": 10_500, "days": 196})
    assert result["events"] >= 1_000_000
    assert time.process_time() - began < 30


def test_a_shop_without_a_single_session_is_still_a_shop(tmp_path: Path) -> None:
    result = run(tmp_path, **ARGUMENTS | {"users": 1, "days": 1, "seed": 0})
    assert (result["events"], result["files"], result["oracle_rows"]) == (0, 1, 0)
