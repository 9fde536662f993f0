from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.realised import Night, realised_figures, unrealised
from pipeline.evaluation.record import quality_rows
from pipeline.warehouse import open_warehouse
from tests.synthetic_lake import AS_OF, configuration

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def score_run(version: str) -> pa.Table:
    return pa.table(
        {
            "model_name": ["purchase_7d"],
            "model_version": [version],
            "run_id": ["run"],
            "eligible": [3],
            "scored": [3],
            "refused": [0],
            "checksum": ["sum"],
            "started_at": pa.array([NOW], pa.timestamp("us", tz="UTC")),
            "finished_at": pa.array([NOW], pa.timestamp("us", tz="UTC")),
            "lake_version": [0],
        }
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = configuration(tmp_path)
    with open_warehouse(made) as warehouse:
        for days, version in ((-14, "1"), (-7, "1"), (-6, "2")):
            cutoff = AS_OF.plus_days(days)
            warehouse.replace("score_runs", {"target": "purchase_7d", "cutoff": cutoff.instant}, score_run(version))
        done = {"target": "purchase_7d", "cutoff": AS_OF.plus_days(-14).instant, "model_version": "1", "basis": "realised"}
        warehouse.replace("model_quality", done, quality_rows({"auc": Estimate(0.7)}, 3))
    return made


def test_nights_that_have_matured_and_are_not_judged_yet_are_due(config: Config) -> None:
    target = config.target("purchase_7d")
    with open_warehouse(config) as warehouse:
        assert unrealised(warehouse, [target], Cutoff(AS_OF.instant - timedelta(microseconds=1))) == []
        assert unrealised(warehouse, [target], AS_OF) == [Night(target, AS_OF.plus_days(-7), "1")]
        assert unrealised(warehouse, [target, config.target("churn_14d")], AS_OF.plus_days(1)) == [
            Night(target, AS_OF.plus_days(-7), "1"),
            Night(target, AS_OF.plus_days(-6), "2"),
        ]


def test_scores_are_joined_with_the_outcomes_of_their_own_users() -> None:
    scores = pa.table({"user_id": ["a", "b", "c", "d"], "score": [0.9, 0.8, 0.2, 0.1], "raw_score": [2.0, 1.0, -1.0, -2.0]})
    outcomes = [
        pa.table({"user_id": ["d", "a"], "label": pa.array([0, 1], pa.int8())}),
        pa.table({"user_id": ["x", "c", "b"], "label": pa.array([1, 0, 1], pa.int8())}),
    ]
    figures, users = realised_figures(scores, outcomes)
    assert users == 4
    assert figures["auc"].value == 1
    assert figures["brier"].value == pytest.approx((0.01 + 0.04 + 0.04 + 0.01) / 4)


def test_one_outcome_only_has_no_figures() -> None:
    scores = pa.table({"user_id": ["a", "b"], "score": [0.9, 0.8], "raw_score": [2.0, 1.0]})
    assert realised_figures(scores, [pa.table({"user_id": ["a", "b"], "label": pa.array([0, 0], pa.int8())})]) == ({}, 2)


def test_expected_values_are_held_against_what_was_spent() -> None:
    users = ["a", "b", "c", "d"]
    scores = pa.table({"user_id": users, "score": [0.9, 0.8, 0.2, 0.1], "raw_score": [2.0, 1, -1, -2], "expected_value": [9.0, 8, 2, 1]})
    label = pa.array([1, 1, 0, 0], pa.int8())
    figures, _ = realised_figures(scores, [pa.table({"user_id": users, "label": label, "amount": [10.0, 6.0, 0.0, -3.0]})])
    assert figures["mae"].value == (1 + 2 + 2 + 1) / 4
    assert figures["total_ratio"].value == 20 / 16
    assert figures["gini"].value == pytest.approx(1)
