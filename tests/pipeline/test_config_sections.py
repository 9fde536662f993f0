from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.config_sections import (
    TEXT_COLUMNS,
    Dask,
    Evaluation,
    Gbdt,
    LakeSection,
    Leaks,
    Mlflow,
    Schedule,
    Section,
    TargetSection,
    Training,
    Tuning,
    Warehouse,
    Windows,
)
from pipeline.evaluation.groups import KNOWN


@pytest.mark.parametrize("section", [Dask, LakeSection, Mlflow, Schedule, Training, Tuning, Warehouse, Windows])
def test_a_section_without_keys_is_complete_and_frozen(section: type[Section]) -> None:
    made = section()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, next(iter(section.model_fields)), "other")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheduler": "host:8786"},
        {"workers": 0},
        {"memory_limit": "2 gigs"},
        {"timeout_minutes": 0},
    ],
)
def test_dask_refuses_what_it_could_not_use(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Dask(**wrong)


@pytest.mark.parametrize("kind", ["occurs", "absent", "sum", "next_item"])
def test_every_kind_of_target_can_be_declared(kind: str) -> None:
    assert TargetSection(kind=kind, horizon_days=7).kind == kind


def test_an_unknown_kind_of_target_names_those_there_are() -> None:
    with pytest.raises(ValidationError, match="'occurs', 'absent', 'sum' or 'next_item'"):
        TargetSection(kind="happens", horizon_days=7)


@pytest.mark.parametrize("days", [-1, 3651])
def test_an_embargo_lasts_no_negative_time(days: int) -> None:
    with pytest.raises(ValidationError, match="embargo_days"):
        Training(embargo_days=days)


@pytest.mark.parametrize("wrong", [{"users": 99}, {"max_feature_auc": 0.5}, {"max_unique_auc": 0}, {"max_accumulated": 1.1}])
def test_a_leak_gate_that_could_see_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Leaks(**wrong)


@pytest.mark.parametrize("wrong", [{"buckets": 0}, {"keep_versions": 0}, {"retention_days": 0}])
def test_the_lake_refuses_what_it_could_not_keep(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LakeSection(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"learning_rate": 0},
        {"bagging_fraction": 0},
        {"feature_fraction": 1.1},
        {"l2": -1},
        {"bags": 0},
        {"half_life_days": -1},
        {"positive_weight": 0},
        {"monotone": {"events_*": 0}},
        {"device": "tpu"},
        {"crossfit_rows": 0},
    ],
)
def test_trees_refuse_what_lightgbm_would_not_understand(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Gbdt(**wrong)


def test_bags_must_differ() -> None:
    with pytest.raises(ValidationError, match=r"training\.gbdt\.bags = 3 would average equal models"):
        Gbdt(bags=3, bagging_fraction=1, feature_fraction=1)
    assert Gbdt(bags=3, bagging_fraction=1, feature_fraction=1, extra_trees=True).bags == 3
    assert Gbdt(bags=3).bags == 3


def test_nothing_is_tuned_unless_minutes_are_given() -> None:
    assert Training().tuning == Tuning(minutes=0.0, trials=60, folds=3, storage="sqlite:///tuning.db")


@pytest.mark.parametrize(
    "wrong", [{"minutes": -1}, {"trials": 0}, {"folds": 0}, {"storage": "mysql://host/studies"}, {"storage": "tuning.db"}]
)
def test_a_tuning_that_could_not_be_done_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Tuning(**wrong)


@pytest.mark.parametrize(
    ("bands", "why"),
    [
        ({"age": (30, 7)}, r"evaluation\.bands\.age = \[30\.0, 7\.0\] must be in ascending order"),
        ({"size": (7,)}, r"evaluation\.slices does not name"),
        ({"tenure": (7,)}, r"tenure holds texts"),
    ],
)
def test_bands_that_cannot_part_users_are_refused(bands: dict[str, tuple[float, ...]], why: str) -> None:
    assert Evaluation(slices=("tenure", "age"), bands={"age": (7, 30)}).bands == {"age": (7, 30)}
    with pytest.raises(ValidationError, match=why):
        Evaluation(slices=("tenure", "age"), bands=bands)


def test_columns_of_texts_are_those_that_users_are_grouped_by() -> None:
    assert TEXT_COLUMNS == KNOWN
