from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from features.cutoff import Cutoff
from models import metrics
from models.classifier import Floats
from pipeline.config_sections import Evaluation
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Estimate, Evidence
from pipeline.evaluation.slicing import Column

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)
RANDOM = np.random.default_rng(7)
MANY = (RANDOM.random(200) < 0.3).astype(np.int8)
GOOD, POOR = MANY + RANDOM.normal(size=200), RANDOM.normal(size=200)
Y = np.array([0, 0, 1, 1], dtype=np.int8)


def answers(version: str, raw: Floats, kind: str = "gbdt") -> Answers:
    return Answers(version, kind, EVALUATION, raw, 1 / (1 + np.exp(-raw)))


def evidence(*models: Answers) -> Evidence:
    return weigh("purchase_7d", AS_OF, EVALUATION, MANY, models, {})


def test_every_model_is_judged_on_the_same_rows() -> None:
    found = evidence(answers("1", GOOD), answers("2", POOR, "sequence"))
    assert (found.rows, found.positives) == (200, int(MANY.sum()))
    assert [(model.version, model.kind) for model in found.models] == [("1", "gbdt"), ("2", "sequence")]
    assert found.models[0].figures["auc"].value == pytest.approx(metrics.auc(MANY, GOOD), abs=1e-12)


def test_differences_are_paired_and_antisymmetric() -> None:
    found = evidence(answers("1", GOOD), answers("2", POOR))
    one, other = found.difference("1", "2"), found.difference("2", "1")
    assert one.value == pytest.approx(metrics.auc(MANY, GOOD) - metrics.auc(MANY, POOR))
    assert one.value == pytest.approx(-other.value)
    assert one.lower == pytest.approx(-(other.upper or 0))


def test_a_model_without_an_answer_for_some_row_is_set_aside_with_the_number() -> None:
    broken = GOOD.copy()
    broken[:3] = np.nan
    found = evidence(answers("1", broken), answers("2", POOR))
    assert found.set_aside == {"1": "it gave no finite score for 3 of 200 users"}
    assert [model.version for model in found.models] == ["2"]
    assert found.differences == ()


@pytest.mark.parametrize("ones", [0, 1, 36, 37])
def test_where_users_cannot_be_ranked_the_base_rate_alone_is_judged(ones: int) -> None:
    y = (np.arange(37) < ones).astype(np.int8)
    level, raw = np.full(37, -1.0), np.arange(37.0)
    models = [answers("1", level, "base_rate"), answers("2", raw, "recency"), answers("3", raw)]
    found = weigh("purchase_7d", AS_OF, EVALUATION, y, models, {"4": "it reads other features"})
    (base_rate,) = found.models
    assert (found.rows, found.positives, base_rate.version) == (37, ones, "1")
    assert set(base_rate.figures) == {"auc", "log_loss", "brier", "ece"}
    assert base_rate.figures["auc"] == Estimate(0.5, 0.0, 1.0)
    probability = 1 / (1 + np.e)
    assert base_rate.figures["ece"].value == pytest.approx(abs(probability - ones / 37))
    assert base_rate.figures["brier"].value == pytest.approx((ones * (1 - probability) ** 2 + (37 - ones) * probability**2) / 37)
    why = f"at {EVALUATION} {ones} of 37 users have outcome 1: users cannot be ranked, that takes at least 2 of each outcome"
    assert found.set_aside == {"2": why, "3": why, "4": "it reads other features"}
    assert found.unranked == ("2", "3")


def test_two_users_of_each_outcome_are_enough_for_all_models() -> None:
    found = weigh("purchase_7d", AS_OF, EVALUATION, Y, [answers("1", np.zeros(4), "base_rate"), answers("2", np.arange(4.0))], {})
    assert [model.version for model in found.models] == ["1", "2"]
    assert (found.set_aside, found.unranked) == ({}, ())


def test_where_users_cannot_be_ranked_two_base_rates_may_be_anything_apart() -> None:
    models = [answers(version, np.full(4, raw), "base_rate") for version, raw in (("1", -1.0), ("2", -2.0))]
    found = weigh("purchase_7d", AS_OF, EVALUATION, np.zeros(4, dtype=np.int8), models, {})
    assert [model.version for model in found.models] == ["1", "2"]
    assert found.difference("2", "1") == Estimate(0.0, -1.0, 1.0)
    assert found.models[1].figures["log_loss"].value < found.models[0].figures["log_loss"].value


def test_a_model_without_an_answer_is_unfit_whatever_the_rows_can_tell() -> None:
    models = [answers("1", np.zeros(4), "base_rate"), answers("2", np.full(4, np.nan))]
    found = weigh("purchase_7d", AS_OF, EVALUATION, np.zeros(4, dtype=np.int8), models, {})
    assert found.set_aside == {"2": "it gave no finite score for 4 of 4 users"}
    assert found.unranked == ()


def test_the_base_rate_of_a_sum_is_judged_by_its_amounts_where_nobody_spent() -> None:
    models = [replace(answers("1", np.zeros(4), "base_rate"), expected=np.full(4, 3.0))]
    (judged,) = weigh("spent_7d", AS_OF, EVALUATION, np.zeros(4, dtype=np.int8), models, {}, np.zeros(4)).models
    assert set(judged.figures) == {"auc", "log_loss", "brier", "ece", "mae", "rmse"}
    assert judged.figures["mae"].value == 3


def test_a_sum_is_judged_by_its_amounts_beside_the_probability() -> None:
    amounts = np.where(MANY == 1, 20.0, 0.0)
    models = [replace(answers(version, raw), expected=20 / (1 + np.exp(-raw))) for version, raw in (("1", GOOD), ("2", POOR))]
    found = weigh("spent_7d", AS_OF, EVALUATION, MANY, models, {}, amounts)
    one, other = (model.figures for model in found.models)
    assert list(one)[:9] == ["auc", "average_precision", "log_loss", "brier", "ece", "mae", "rmse", "gini", "total_ratio"]
    assert one["gini"].value > other["gini"].value
    assert one["gini"].value == pytest.approx(2 * one["auc"].value - 1, abs=1e-9)  # all who spend spend the same


def test_a_model_without_an_amount_for_some_row_is_set_aside() -> None:
    expected = np.where(np.arange(200) < 5, np.inf, 1.0)
    found = weigh("spent_7d", AS_OF, EVALUATION, MANY, [replace(answers("1", GOOD), expected=expected)], {}, MANY * 3.0)
    assert found.set_aside == {"1": "it gave no finite score for 5 of 200 users"}


def test_models_are_judged_within_each_group_by_the_settings() -> None:
    groups: dict[str, Column] = {"country": np.repeat(np.array(["Germany", "France"], dtype=object), [120, 80]), "age": np.arange(200.0)}
    settings = Evaluation(slices=("country", "age"), bands={"age": (190,)}, slice_rows=50, slice_positives=5, reach=0.25, replicates=100)
    found = weigh("purchase_7d", AS_OF, EVALUATION, MANY, [answers("1", GOOD), answers("2", POOR)], {}, groups=groups, settings=settings)
    assert [each.name for each in found.slices] == ["country = Germany", "country = France", "age = x < 190", "age = x ≥ 190"]
    assert [bool(each.too_small) for each in found.slices] == [False, False, False, True]
    germany = found.slices[0]
    assert germany.models["1"]["auc"].value == pytest.approx(metrics.auc(MANY[:120], GOOD[:120]))
    assert germany.difference("2", "1") is not None
    assert (found.operating_point, found.replicates) == ("the 25 % of the users whom the model ranks best", 100)
    assert found.models[0].figures["precision"].value == pytest.approx(MANY[np.argsort(-GOOD)[:50]].mean())
    assert Evidence.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_groups_hold_those_who_were_reached_overall() -> None:
    groups: dict[str, Column] = {"half": np.repeat(np.array(["one", "other"], dtype=object), 100)}
    settings = Evaluation(slice_rows=50, slice_positives=5, reach=0.2, replicates=100)
    found = weigh("purchase_7d", AS_OF, EVALUATION, MANY, [answers("1", np.round(GOOD, 1))], {}, groups=groups, settings=settings)
    hits = sum(each.models["1"]["recall"].value * each.positives for each in found.slices)
    assert hits / found.positives == pytest.approx(found.models[0].figures["recall"].value)


def test_a_group_in_rows_that_cannot_rank_is_too_small() -> None:
    groups: dict[str, Column] = {"half": np.zeros(200)}
    nobody = np.zeros(200, dtype=np.int8)
    found = weigh("purchase_7d", AS_OF, EVALUATION, nobody, [answers("1", np.zeros(200), "base_rate")], {}, groups=groups)
    (only,) = found.slices
    assert "0 of its 200 users have outcome 1" in only.too_small


def test_what_a_training_recorded_stands_beside_its_figures() -> None:
    (judged,) = evidence(replace(answers("1", GOOD), checks={"leak_gate": "passed"})).models
    assert judged.checks == {"leak_gate": "passed"}
