"""Nights older than `warehouse.keep_days` are dropped after a publish, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.config_sections import Warehouse as Section
from pipeline.errors import PublishRefused
from pipeline.warehouse import Warehouse, open_warehouse
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores

NIGHTS = "SELECT DISTINCT cutoff FROM {} ORDER BY cutoff"


def keeping(config: Config, days: int) -> Config:
    return config.model_copy(update={"warehouse": Section(url=config.warehouse.url, keep_days=days)})


def publish(warehouse: Warehouse, day: int, users: int = 20, target: str = TARGET) -> None:
    rows = scores(users, 2, seed=abs(day))
    warehouse.publish(rows, target, CUTOFF.plus_days(day), run_of(rows))


def days(warehouse: Warehouse, table: str = "user_scores") -> list[int]:
    return [(row["cutoff"] - CUTOFF.instant).days for row in warehouse.query(NIGHTS.format(table)).to_pylist()]


def test_every_night_stays_unless_told_otherwise(config: Config) -> None:
    assert config.warehouse.keep_days == 0
    with open_warehouse(config) as warehouse:
        for day in (-4000, 0, 1):
            publish(warehouse, day)
        assert days(warehouse) == [-4000, 0, 1]


def test_nights_are_dropped_whole_once_they_are_too_old(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        for day in range(5):
            publish(warehouse, day)
        publish(warehouse, 4, target="churn_28d")
        kept = warehouse.checksum(TARGET, CUTOFF.plus_days(3))
    with open_warehouse(keeping(config, 2)) as warehouse:
        publish(warehouse, 5)
        assert {table: days(warehouse, table) for table in ("user_scores", "refused_users", "score_runs")} == {
            "user_scores": [3, 4, 5],
            "refused_users": [3, 4, 5],
            "score_runs": [3, 4, 5],
        }
        assert warehouse.checksum(TARGET, CUTOFF.plus_days(3)) == kept
        latest = warehouse.query("SELECT target, cutoff, count(*) AS n FROM user_scores_latest GROUP BY 1, 2 ORDER BY 1").to_pylist()
    assert latest == [
        {"target": "churn_28d", "cutoff": CUTOFF.plus_days(4).instant, "n": 20},
        {"target": TARGET, "cutoff": CUTOFF.plus_days(5).instant, "n": 20},
    ]


def test_a_backfill_within_what_is_kept_drops_nothing_and_one_before_it_is_refused(config: Config) -> None:
    with open_warehouse(keeping(config, 3)) as warehouse:
        for day in (10, 7, 9):
            publish(warehouse, day)
        assert days(warehouse) == [7, 9, 10]
        with pytest.raises(PublishRefused, match=r"keep_days = 3, so nights before 2026-03-09T00:00:00Z are dropped"):
            publish(warehouse, 6)
        assert days(warehouse) == [7, 9, 10]


def test_outcomes_and_quality_of_a_dropped_night_stay(config: Config) -> None:
    import pyarrow as pa

    with open_warehouse(keeping(config, 1)) as warehouse:
        publish(warehouse, 0)
        outcome = pa.table({"decile": [1], "users": [2], "realised_events": [1], "realised_value": pa.array([None], pa.float64())})
        warehouse.replace("decile_outcomes", {"target": TARGET, "cutoff": CUTOFF.instant}, outcome)
        publish(warehouse, 2)
        assert days(warehouse) == [2]
        assert days(warehouse, "decile_outcomes") == [0]


def test_the_same_nights_remain_on_both_engines(new_config: Callable[[str], Config]) -> None:
    left = {}
    for engine in ("duckdb", "postgresql"):
        with open_warehouse(keeping(new_config(engine), 7)) as warehouse:
            for day in (0, 3, 8, 5, 15):
                publish(warehouse, day)
            left[engine] = [(day, warehouse.checksum(TARGET, Cutoff(CUTOFF.plus_days(day).instant))) for day in days(warehouse)]
    assert left["duckdb"] == left["postgresql"]
    assert [day for day, _ in left["duckdb"]] == [8, 15]
