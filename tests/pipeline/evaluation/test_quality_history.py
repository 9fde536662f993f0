from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.quality_history import Basis, Point, newest, quality_history
from pipeline.evaluation.record import QUALITY_TABLE, quality_rows
from pipeline.warehouse import open_warehouse
from tests.synthetic_lake import AS_OF, configuration


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def _store(config: Config, day: int, version: str, basis: Basis, rows: pa.Table, target: str = "purchase_7d") -> None:
    key = {"target": target, "cutoff": AS_OF.plus_days(day).instant, "model_version": version, "basis": basis}
    with open_warehouse(config) as warehouse:
        warehouse.replace(QUALITY_TABLE, key, rows)


def _history(config: Config, until: Cutoff, *versions: str) -> list[tuple[int, str, str, str, float]]:
    with open_warehouse(config) as warehouse:
        points = quality_history(warehouse, "purchase_7d", until, versions)
    return [
        ((point.cutoff.instant - AS_OF.instant).days, point.version, point.users, point.basis, point.estimate.value) for point in points
    ]


def test_versions_that_served_and_those_asked_for_are_told_oldest_first(config: Config) -> None:
    _store(config, 9, "1", "realised", quality_rows({"auc": Estimate(0.6)}, 5))
    for version in ("1", "2", "3"):
        _store(config, 0, version, "validation", quality_rows({"auc": Estimate(0.7), "brier": Estimate(0.1)}, 5))
    _store(config, 2, "1", "realised", quality_rows({"auc": Estimate(0.8)}, 5, "segment = DE"))
    assert _history(config, AS_OF.plus_days(5), "3") == [
        (0, "1", "all", "validation", 0.7),
        (0, "3", "all", "validation", 0.7),
        (2, "1", "segment = DE", "realised", 0.8),
    ]
    assert _history(config, AS_OF.plus_days(9))[-1] == (9, "1", "all", "realised", 0.6)


def test_other_targets_and_figures_without_a_value_are_no_points(config: Config) -> None:
    _store(config, 0, "1", "realised", quality_rows({"auc": Estimate(0.9)}, 5), target="churn_30d")
    _store(config, 0, "1", "realised", quality_rows({"auc": Estimate(float("nan"))}, 5))
    assert _history(config, AS_OF, "1") == []


def test_intervals_and_instants_come_back_as_they_were(config: Config) -> None:
    _store(config, 0, "1", "realised", quality_rows({"auc": Estimate(0.7, 0.6, 0.8)}, 5))
    with open_warehouse(config) as warehouse:
        assert quality_history(warehouse, "purchase_7d", AS_OF, ()) == [
            Point(AS_OF, "1", "all", "auc", "realised", Estimate(0.7, 0.6, 0.8))
        ]


def test_the_newest_point_of_a_group_is_found_and_of_a_version_if_one_is_asked_for() -> None:
    points = [
        Point(AS_OF.plus_days(day), version, users, "auc", "realised", Estimate(0.5 + day / 100))
        for day, version, users in ((0, "1", "all"), (1, "2", "all"), (2, "2", "segment = DE"))
    ]
    assert newest(points, "all", "auc", "realised") is points[1]
    assert newest(points, "all", "auc", "realised", "1") is points[0]
    assert newest(points, "all", "auc", "validation") is None
