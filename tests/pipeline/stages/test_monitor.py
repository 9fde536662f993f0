from __future__ import annotations

from datetime import timedelta

import pyarrow.compute as pc
import pytest

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.config_sections import Evaluation
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError, MissingInput, NoChampion
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


def test_what_came_true_stands_beside_what_each_tenth_was_expected_to_do(night: Config) -> None:
    target = night.target("purchase_7d")
    with open_warehouse(night) as warehouse:
        before = warehouse.query("SELECT * FROM score_deciles").to_pylist()
    assert {row["realised_events"] for row in before} == {None}
    monitor.run(night, AS_OF, targets=[target], show=False)
    labels = Lake(night.lake_url).read("labels", {"target": target.name, "cutoff": PUBLISHED.key}, ["user_id", "label"])
    with open_warehouse(night) as warehouse:
        after = warehouse.query("SELECT * FROM score_deciles ORDER BY decile").to_pylist()
        scores = warehouse.query("SELECT user_id, decile FROM user_scores")
    joined = scores.join(labels, "user_id").group_by("decile").aggregate([("label", "sum")]).sort_by("decile")
    assert [row["realised_events"] for row in after] == joined["label_sum"].to_pylist()
    assert sum(row["realised_events"] for row in after) > 0
    assert {row["realised_value"] for row in after} == {None}


def test_quality_by_group_of_users_is_written_beside_that_of_all(night: Config) -> None:
    settings = Evaluation(slices=("tenure", "active_days_any_30d"), bands={"active_days_any_30d": (3,)}, slice_rows=40, slice_positives=5)
    config = night.model_copy(update={"evaluation": settings})
    (realised,) = monitor.run(config, AS_OF, targets=[night.target("purchase_7d")], show=False)["realised"]
    with open_warehouse(night) as warehouse:
        rows = warehouse.query("SELECT * FROM model_quality WHERE basis = 'realised' AND metric = 'auc'").to_pylist()
    slices = {row["slice"]: row for row in rows}
    assert {"all", "tenure = 90 to 364 days", "active_days_any_30d = x ≥ 3"} <= slices.keys()
    assert len(slices) == realised["slices"] + 1
    assert slices["active_days_any_30d = x ≥ 3"]["rows"] < slices["all"]["rows"] == realised["users"]
    assert all(row["lower"] <= row["value"] <= row["upper"] for row in rows)


def test_a_group_that_nobody_knows_is_refused_before_any_work(shop: Config) -> None:
    config = shop.model_copy(update={"evaluation": Evaluation(slices=("shoe_size",))})
    with pytest.raises(ConfigError, match="shoe_size"):
        monitor.run(config, AS_OF, targets=[shop.target("purchase_7d")], show=False)


def test_a_night_whose_users_all_did_the_same_is_recorded_once(night: Config) -> None:
    target, key = night.target("purchase_7d"), {"target": "purchase_7d", "cutoff": PUBLISHED.instant}
    labelled = Lake(night.lake_url).read("labels", {"target": target.name, "cutoff": PUBLISHED.key}, ["user_id", "label"])
    stayed = labelled.filter(pc.equal(labelled["label"], 0))["user_id"]
    with open_warehouse(night) as warehouse:
        scores = warehouse.query("SELECT * FROM user_scores").drop_columns(list(key))
        warehouse.replace("user_scores", key, scores.filter(pc.is_in(scores["user_id"], value_set=stayed.combine_chunks())))
    (realised,) = monitor.run(night, AS_OF, targets=[target], show=False)["realised"]
    assert (realised["users"], realised["slices"], realised["auc"]) == (len(stayed), 0, None)
    with open_warehouse(night) as warehouse:
        (row,) = warehouse.query("SELECT * FROM model_quality WHERE basis = 'realised'").to_pylist()
    assert (row["slice"], row["metric"], row["value"], row["rows"]) == ("all", "auc", None, len(stayed))
    assert monitor.run(night, AS_OF, targets=[target], show=False)["realised"] == []


def test_a_night_whose_window_is_still_open_waits(night: Config) -> None:
    earlier = AS_OF.plus_days(-7)
    assert monitor.run(night, earlier, targets=[night.target("purchase_7d")], show=False)["realised"] == []


def test_without_features_at_the_cutoff_the_line_to_run_is_named(night: Config) -> None:
    with pytest.raises(MissingInput, match="nightcast build-features --cutoff 2026-04-12"):
        monitor.run(night, AS_OF.plus_days(1), targets=[night.target("purchase_7d")], show=False)


def test_without_a_champion_there_is_nothing_to_compare_with(shop: Config) -> None:
    with pytest.raises(NoChampion):
        monitor.run(shop, AS_OF, targets=[shop.target("purchase_7d")], show=False)
