"""A target of kind sum from labels to the warehouse: trained, judged, promoted, scored, published and looked back upon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.lake import Lake
from pipeline.stages import check_leaks, evaluate, monitor, promote, publish, score, train_baselines, train_gbdt
from pipeline.tracking import registry
from pipeline.warehouse import open_warehouse
from tests.mlflow_store import place_mlflow_store
from tests.pipeline.stages.conftest import here
from tests.synthetic_lake import AS_OF, SETTINGS, configuration, write_events, write_features, write_training

NAME = "spent_14d"
SPENT = {"kind": "sum", "event_type": "purchase", "horizon_days": 14, "unit": "GBP"}
NIGHT = AS_OF.plus_days(-14)
BASELINES = {"base_rate", "recency", "active_days", "bg_nbd"}
FIGURES = {"auc", "average_precision", "log_loss", "brier", "ece", "mae", "rmse", "gini", "total_ratio"}


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, dict[str, Any]]:
    """A shop with a scored and published night whose window has closed, and the stages' results.

    Promotion may find that a baseline does as well in so small a shop; the night is scored by the trees all the same.
    """
    root, patched = tmp_path_factory.mktemp("spent"), pytest.MonkeyPatch()
    columns = {**SETTINGS["source"]["columns"], "value": "v"}
    training = {**SETTINGS["training"], "cutoffs": 4, "step_days": 7}
    config = configuration(root, targets={NAME: SPENT}, source={**SETTINGS["source"], "columns": columns}, training=training)
    place_mlflow_store(root)
    write_events(config, users=500)
    write_training(config, NAME)
    write_features(config, AS_OF)
    lake, day = Lake(config.lake_url), {"day": NIGHT.plus_days(13).local_date("UTC").isoformat()}
    lake.commit("events", EVENTS, day, [lake.write_part("events", day, "part", EVENTS.empty_table())], metadata={})
    target, results = config.target(NAME), {}
    with patched.context() as patch:
        for stage in (check_leaks, evaluate, monitor, score):
            patch.setattr(stage, "cluster", here)
        check_leaks.run(config, AS_OF, show=False)
        results["gbdt"] = train_gbdt.run(config, target, AS_OF, show=False)
        results["baselines"] = train_baselines.run(config, target, AS_OF, show=False)
        results["evaluate"] = evaluate.run(config, target, AS_OF, show=False)
        results["promote"] = promote.run(config, target, AS_OF, dry_run=False, show=False)
        registry.set_alias(config, NAME, registry.CHAMPION, results["gbdt"]["version"])
        score.run(config, NIGHT, targets=[target], show=False)
        publish.run(config, NIGHT, targets=[target], show=False)
        results["monitor"] = monitor.run(config, AS_OF, targets=[target], show=False)
    return config, results


def warehouse_rows(config: Config, sql: str) -> list[dict[str, Any]]:
    with open_warehouse(config) as warehouse:
        rows: list[dict[str, Any]] = warehouse.query(sql).to_pylist()
    return rows


def test_every_kind_but_the_sequence_is_judged_by_probability_and_by_amount(spent: tuple[Config, dict[str, Any]]) -> None:
    config, results = spent
    candidates = {each["kind"]: each for each in results["evaluate"]["candidates"]}
    assert set(candidates) == {"gbdt", *BASELINES}
    for each in candidates.values():
        assert set(each) >= FIGURES
        assert 0.4 < each["total_ratio"] < 2.5
    assert candidates["gbdt"]["gini"] > candidates["base_rate"]["gini"] + 0.2
    stored = warehouse_rows(config, "SELECT metric, model_version FROM model_quality WHERE basis = 'validation'")
    assert {(row["metric"], row["model_version"]) for row in stored} >= {
        (name, each["version"]) for name in FIGURES for each in candidates.values()
    }


def test_the_trees_of_the_amount_are_part_of_the_artifact(spent: tuple[Config, dict[str, Any]], tmp_path: Path) -> None:
    config, results = spent
    made = {model.version: model for model in registry.candidates(config, NAME, AS_OF)}
    folder = registry.download(config, made[results["gbdt"]["version"]], tmp_path)
    assert {"amount.json", "amount.txt", "manifest.json", "model.txt"} <= {path.name for path in folder.iterdir()}


def test_everybody_has_an_expected_value_in_the_warehouse(spent: tuple[Config, dict[str, Any]]) -> None:
    config, results = spent
    assert results["promote"]["promoted"]
    (run,) = warehouse_rows(config, "SELECT * FROM score_runs")
    rows = warehouse_rows(config, "SELECT * FROM user_scores_latest ORDER BY user_id")
    assert run["scored"] == len(rows) > 400
    assert {row["unit"] for row in rows} == {"GBP"}
    expected, score_ = (np.array([row[name] for row in rows]) for name in ("expected_value", "score"))
    assert (np.isfinite(expected) & (expected > 0)).all()
    assert ((score_ > 0) & (score_ < 1)).all()
    assert len(np.unique(np.round(expected / score_, 6))) > 10  # not one amount for all


def test_once_the_window_has_closed_the_expected_values_are_held_against_what_was_spent(spent: tuple[Config, dict[str, Any]]) -> None:
    config, results = spent
    (night,) = results["monitor"]["realised"]
    assert {"mae", "rmse", "gini", "total_ratio"} <= set(night)
    rows = warehouse_rows(config, "SELECT metric, value FROM model_quality WHERE basis = 'realised' AND slice = 'all'")
    realised = {row["metric"]: row["value"] for row in rows}
    assert realised.keys() >= FIGURES
    (tenths,) = warehouse_rows(config, "SELECT sum(expected_value) AS expected, sum(realised_value) AS realised FROM score_deciles")
    assert tenths["expected"] / tenths["realised"] == pytest.approx(realised["total_ratio"])
    # The night is the cutoff that the candidates were judged at: the same users, the same model, the same figures.
    judged = next(each for each in results["evaluate"]["candidates"] if each["version"] == results["gbdt"]["version"])
    for name in FIGURES:
        assert realised[name] == pytest.approx(judged[name], rel=1e-9), name
