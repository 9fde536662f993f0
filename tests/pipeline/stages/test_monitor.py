from __future__ import annotations

from datetime import timedelta

import pytest

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput, NoChampion
from pipeline.lake import Lake
from pipeline.stages import monitor, publish, score, train_gbdt
from pipeline.tracking import registry
from pipeline.training_set import training_set
from pipeline.warehouse import open_warehouse
from tests.synthetic_lake import AS_OF

PUBLISHED = AS_OF.plus_days(-7)


@pytest.fixture
def night(shop: Config) -> Config:
    """A champion, a night published a week ago, and days ingested up to AS_OF."""
    target, lake = shop.target("purchase_7d"), Lake(shop.lake_url)
    train_gbdt.run(shop, target, AS_OF, show=False)
    registry.set_alias(shop, "purchase_7d", registry.CHAMPION, "1")
    score.run(shop, PUBLISHED, targets=[target], show=False)
    publish.run(shop, PUBLISHED, targets=[target], show=False)
    for days in (1, 2):
        day = {"day": (AS_OF.instant - timedelta(days=days)).date().isoformat()}
        lake.commit("events", EVENTS, day, [lake.write_part("events", day, "part", EVENTS.empty_table())], metadata={})
    return shop


def test_drift_of_every_feature_since_the_champion_learned_is_written(night: Config) -> None:
    result = monitor.run(night, AS_OF, targets=[night.target("purchase_7d")], show=False)
    with open_warehouse(night) as warehouse:
        rows = warehouse.query("SELECT * FROM feature_drift").to_pylist()
    names = configured_features(night).names
    assert {row["feature"] for row in rows} == set(names)
    assert result["features"] == len(names)
    assert {row["reference_cutoff"] for row in rows} == {AS_OF.plus_days(-14).instant}
    assert result["drifted"] == [name for name in names if name in {row["feature"] for row in rows if row["status"] == "drifted"}]


def test_a_matured_night_is_compared_with_what_happened_once(night: Config) -> None:
    (realised,) = monitor.run(night, AS_OF, targets=[night.target("purchase_7d")], show=False)["realised"]
    labelled = training_set(Lake(night.lake_url), configured_features(night), night.target("purchase_7d"), [PUBLISHED])
    assert (realised["cutoff"], realised["version"], realised["users"]) == (str(PUBLISHED), "1", len(labelled.labels))
    with open_warehouse(night) as warehouse:
        (auc,) = warehouse.query("SELECT * FROM model_quality WHERE basis = 'realised' AND metric = 'auc'").to_pylist()
    assert (auc["value"], auc["cutoff"]) == (realised["auc"], PUBLISHED.instant)
    assert monitor.run(night, AS_OF, targets=[night.target("purchase_7d")], show=False)["realised"] == []


def test_a_night_whose_window_is_still_open_waits(night: Config) -> None:
    earlier = AS_OF.plus_days(-7)
    assert monitor.run(night, earlier, targets=[night.target("purchase_7d")], show=False)["realised"] == []


def test_without_features_at_the_cutoff_the_line_to_run_is_named(night: Config) -> None:
    with pytest.raises(MissingInput, match="nightcast build-features --cutoff 2026-04-12"):
        monitor.run(night, AS_OF.plus_days(1), targets=[night.target("purchase_7d")], show=False)


def test_without_a_champion_there_is_nothing_to_compare_with(shop: Config) -> None:
    with pytest.raises(NoChampion):
        monitor.run(shop, AS_OF, targets=[shop.target("purchase_7d")], show=False)
