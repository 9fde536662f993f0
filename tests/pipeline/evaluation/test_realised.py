from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.config_sections import Evaluation
from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.outcomes import GROUP
from pipeline.evaluation.realised import Night, beside, judged, quality, tenths, unrealised
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


TENTH = pa.table({"decile": [1], "users": [3], "realised_events": [1], "realised_value": pa.nulls(1, pa.float64())})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = configuration(tmp_path)
    with open_warehouse(made) as warehouse:
        for days, version in ((-14, "1"), (-7, "1"), (-6, "2")):
            cutoff = AS_OF.plus_days(days)
            warehouse.replace("score_runs", {"target": "purchase_7d", "cutoff": cutoff.instant}, score_run(version))
        done = {"target": "purchase_7d", "cutoff": AS_OF.plus_days(-14).instant, "model_version": "1", "basis": "realised"}
        warehouse.replace("model_quality", done, quality_rows({"auc": Estimate(0.7)}, 3))
        warehouse.replace("decile_outcomes", {"target": "purchase_7d", "cutoff": AS_OF.plus_days(-14).instant}, TENTH)
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


USERS = [f"user-{number}" for number in range(40)]
SETTINGS = Evaluation(slices=("segment",), slice_rows=20, slice_positives=5, replicates=100)


def night(config: Config) -> Night:
    return Night(config.target("purchase_7d"), AS_OF.plus_days(-7), "1")


def scored(**columns: list[float]) -> pa.Table:
    """Users in descending order of their scores."""
    raw = [2 - number / 10 for number in range(40)]
    tenth = pa.array([number // 4 + 1 for number in range(40)], pa.int32())
    return pa.table({"user_id": USERS, "score": [1 / (1 + np.exp(-each)) for each in raw], "raw_score": raw, "decile": tenth, **columns})


def happened(labels: list[int], **columns: list[object]) -> list[pa.Table]:
    """In two buckets, the users in another order than their scores."""
    whole = pa.table({"user_id": USERS, "label": pa.array(labels, pa.int8()), **columns})
    return [whole.take(list(range(39, 14, -1))), whole.slice(0, 15)]


HALF = [1, 0] * 20


def test_scores_are_joined_with_the_outcomes_of_their_own_users(config: Config) -> None:
    strangers = pa.table({"user_id": ["x", "y"], "label": pa.array([1, 1], pa.int8())})
    found = judged(night(config), beside(scored(), [*happened([1] * 10 + [0] * 30), strangers]), SETTINGS, 7)
    assert found is not None
    assert (found.rows, found.positives) == (40, 10)
    (model,) = found.models
    assert (model.version, model.figures["auc"].value) == ("1", 1)
    assert model.figures["brier"].value == pytest.approx(
        np.mean([(1 / (1 + np.exp(number / 10 - 2)) - (number < 10)) ** 2 for number in range(40)])
    )


def test_a_night_is_judged_within_each_group_that_is_large_enough(config: Config) -> None:
    segment: list[object] = ["Oz"] * 24 + ["Utopia"] * 10 + [None] * 6
    found = judged(night(config), beside(scored(), happened(HALF, **{GROUP + "segment": segment})), SETTINGS, 7)
    assert found is not None
    assert [(part.name, part.rows, bool(part.too_small)) for part in found.slices] == [
        ("segment = Oz", 24, False),
        ("segment = Utopia", 10, True),
        ("segment = (unknown)", 6, True),
    ]
    rows = quality(found).to_pylist()
    assert {row["slice"] for row in rows} == {"all", "segment = Oz"}
    assert {(row["slice"], row["rows"]) for row in rows} == {("all", 40), ("segment = Oz", 24)}
    (auc,) = (row["value"] for row in rows if (row["slice"], row["metric"]) == ("segment = Oz", "auc"))
    assert auc == pytest.approx(78 / 144)  # of 12 × 12 pairs, in which each outcome 1 stands just before a 0


def test_a_number_groups_users_by_its_bands(config: Config) -> None:
    views: list[object] = [*range(30), *[None] * 10]
    settings = SETTINGS.model_copy(update={"bands": {"views": (5.0,)}})
    found = judged(night(config), beside(scored(), happened(HALF, **{GROUP + "views": views})), settings, 7)
    assert found is not None
    assert [(part.name, part.rows) for part in found.slices] == [("views = x < 5", 5), ("views = x ≥ 5", 25), ("views = (unknown)", 10)]


def test_buckets_without_the_column_have_unknown_groups(config: Config) -> None:
    there, without = happened(HALF, **{GROUP + "segment": ["Oz"] * 40})
    found = judged(night(config), beside(scored(), [there, without.drop_columns([GROUP + "segment"])]), SETTINGS, 7)
    assert found is not None
    assert [(part.value, part.rows) for part in found.slices] == [("Oz", 25), ("(unknown)", 15)]


@pytest.mark.parametrize(("labels", "rows"), [([0] * 40, 40), ([1] * 40, 40), ([1] + [0] * 39, 40)])
def test_where_users_cannot_be_ranked_the_auc_is_null(config: Config, labels: list[int], rows: int) -> None:
    assert quality(judged(night(config), beside(scored(), happened(labels)), SETTINGS, 7)).to_pylist() == [
        {"slice": "all", "metric": "auc", "value": None, "lower": None, "upper": None, "rows": rows}
    ]


def test_a_night_whose_users_are_all_gone_is_known_by_nothing(config: Config) -> None:
    strangers = pa.table({"user_id": ["x"], "label": pa.array([1], pa.int8())})
    assert judged(night(config), beside(scored(), [strangers]), SETTINGS, 7) is None
    assert [(row["value"], row["rows"]) for row in quality(None).to_pylist()] == [(None, 0)]


def test_a_night_is_due_until_its_tenths_are_known(config: Config) -> None:
    target = config.target("purchase_7d")
    with open_warehouse(config) as warehouse:
        (due,) = unrealised(warehouse, [target], AS_OF)
        key = {"target": "purchase_7d", "cutoff": due.cutoff.instant}
        mark = {**key, "model_version": due.model_version, "basis": "realised"}
        warehouse.replace("model_quality", mark, quality_rows({"auc": Estimate(0.7)}, 3))
        assert unrealised(warehouse, [target], AS_OF) == [due]  # killed in between, or judged before there were tenths
        warehouse.replace("decile_outcomes", key, TENTH)
        assert unrealised(warehouse, [target], AS_OF) == []
        warehouse.replace("decile_outcomes", key, TENTH.slice(0, 0))
        assert unrealised(warehouse, [target], AS_OF) == [due]  # other scores have replaced the night
        warehouse.replace("model_quality", mark, quality(None))
        assert unrealised(warehouse, [target], AS_OF) == []  # its users are all gone: there will never be any


def test_what_came_true_is_counted_in_each_tenth() -> None:
    scores = pa.table({"user_id": ["a", "b", "c", "d", "gone"], "decile": pa.array([1, 2, 1, 2, 3], pa.int32())})
    happened = [pa.table({"user_id": ["c", "a"], "label": pa.array([1, 1], pa.int8())})]
    happened += [pa.table({"user_id": ["b", "d", "stranger"], "label": pa.array([0, 1, 1], pa.int8())})]
    assert tenths(beside(scores, happened)).to_pylist() == [
        {"decile": 1, "users": 2, "realised_events": 2, "realised_value": None},
        {"decile": 2, "users": 2, "realised_events": 1, "realised_value": None},
    ]


def test_of_a_sum_the_tenths_hold_what_it_came_to() -> None:
    scores = pa.table({"user_id": ["a", "b", "c"], "decile": pa.array([1, 1, 2], pa.int32())})
    happened = pa.table({"user_id": ["a", "b", "c"], "label": pa.array([1, 1, 0], pa.int8()), "amount": [2.5, 4.0, -1.0]})
    assert tenths(beside(scores, [happened])).to_pylist() == [
        {"decile": 1, "users": 2, "realised_events": 2, "realised_value": 6.5},
        {"decile": 2, "users": 1, "realised_events": 0, "realised_value": -1.0},
    ]


def test_a_night_whose_users_are_all_gone_has_no_tenths() -> None:
    assert tenths(beside(pa.table({"user_id": ["a"], "decile": [1]}), [pa.table({"user_id": ["b"], "label": [1]})])).num_rows == 0


def test_expected_values_are_held_against_what_was_spent(config: Config) -> None:
    spent: list[object] = [float(40 - number) if number < 20 else 0.0 for number in range(40)]
    labels = [1] * 20 + [0] * 20
    scores = scored(expected_value=[40.0 - number for number in range(40)])
    found = judged(night(config), beside(scores, happened(labels, amount=spent)), SETTINGS, 7)
    assert found is not None
    figures = found.models[0].figures
    assert figures["mae"].value == pytest.approx(sum(range(1, 21)) / 40)
    assert figures["total_ratio"].value == pytest.approx(820 / 610)
    assert figures["gini"].value == pytest.approx(1, abs=0.05)
