from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pytest

from models.gbdt_bags import averaged
from models.gbdt_parameters import GbdtParameters
from models.tree_walk import Forest


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    random = np.random.default_rng(1)
    rows = random.normal(size=(600, 4))
    rows[random.random((600, 4)) < 0.1] = np.nan
    return rows


@pytest.fixture(scope="module")
def boosters(rows: np.ndarray) -> list[lightgbm.Booster]:
    """Three of different seeds; the last has not learned anything."""
    y = (np.nan_to_num(rows[:, 0]) + np.random.default_rng(2).normal(size=600) > 0).astype(np.int8)
    parameters = GbdtParameters(leaves=15, min_leaf=20, feature_fraction=0.5, extra_trees=True, threads=1)
    data = lightgbm.Dataset(rows, label=y, params=parameters.settings("abcd", 0))
    alike = {**parameters.settings("abcd", 3), "min_data_in_leaf": 600}
    return [lightgbm.train(settings, data, 30) for settings in (parameters.settings("abcd", 1), parameters.settings("abcd", 2), alike)]


ROUNDS = (30, 12, 30)


def test_the_answer_is_the_mean(rows: np.ndarray, boosters: list[lightgbm.Booster]) -> None:
    mean = np.mean([each.predict(rows, raw_score=True, num_iteration=last) for each, last in zip(boosters, ROUNDS, strict=True)], axis=0)
    merged = averaged(boosters, ROUNDS)
    assert np.ptp(mean) > 0.5
    np.testing.assert_allclose(merged.predict(rows, raw_score=True), mean, rtol=0, atol=1e-12)
    assert merged.num_trees() == sum(
        each.model_to_string(num_iteration=last).count("Tree=") for each, last in zip(boosters, ROUNDS, strict=True)
    )


def test_reasons_and_gains_are_the_mean_too(rows: np.ndarray, boosters: list[lightgbm.Booster]) -> None:
    merged = averaged(boosters, (30, 30, 30))
    np.testing.assert_allclose(
        merged.predict(rows, pred_contrib=True),
        np.mean([each.predict(rows, pred_contrib=True) for each in boosters], axis=0),
        rtol=0,
        atol=1e-12,
    )
    splits = np.sum([each.feature_importance() for each in boosters], axis=0)
    assert merged.feature_importance().tolist() == splits.tolist()


def test_the_text_is_read_back_as_it_is(rows: np.ndarray, boosters: list[lightgbm.Booster], tmp_path: Path) -> None:
    merged = averaged(boosters, ROUNDS)
    merged.save_model(tmp_path / "model.txt")
    loaded = lightgbm.Booster(model_file=tmp_path / "model.txt")
    assert loaded.model_to_string() == merged.model_to_string()
    assert (loaded.predict(rows, raw_score=True) == merged.predict(rows, raw_score=True)).all()
    assert (Forest.of(loaded).raw(rows) == merged.predict(rows, raw_score=True)).all()


@pytest.mark.parametrize("rounds", [30, 12])
def test_one_alone_keeps_its_text(boosters: list[lightgbm.Booster], rounds: int) -> None:
    assert averaged(boosters[:1], (rounds,)).model_to_string() == boosters[0].model_to_string(num_iteration=rounds)


def test_the_same_boosters_give_the_same_text(boosters: list[lightgbm.Booster]) -> None:
    assert averaged(boosters, ROUNDS).model_to_string() == averaged(boosters, ROUNDS).model_to_string()
