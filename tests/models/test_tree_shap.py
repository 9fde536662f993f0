from __future__ import annotations

import gc

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from woodelf import WoodelfExplainer

from models import row_threads, tree_shap
from models.tree_shap import BLOCK, contributions
from models.tree_walk import Forest
from tests.models.grown import COLUMNS, grown, hard_rows

SHAPES = {
    "as trained by us": {"num_leaves": 31, "max_depth": 6},
    "deep": {"num_leaves": 60, "min_data_in_leaf": 1},
    "stumps": {"num_leaves": 2},
    "NaN is read as 0": {"use_missing": False},
    "zeros are missing": {"zero_as_missing": True},
    "some trees do not split": {"min_gain_to_split": 4.0},
}


def library(booster: lightgbm.Booster, X: np.ndarray) -> np.ndarray:
    return np.asarray(booster.predict(X, pred_contrib=True, num_threads=1))


BOOSTERS: dict[str, lightgbm.Booster] = {}


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**20), rows=st.integers(1, BLOCK + 44))
def test_contributions_are_those_of_the_booster_and_add_up(shape: str, seed: int, rows: int) -> None:
    booster = BOOSTERS.setdefault(shape, grown(len(BOOSTERS), **SHAPES[shape]))
    X = hard_rows(booster, rows, seed)
    found, expected_ = contributions(booster, X, 1), library(booster, X)
    np.testing.assert_allclose(found, expected_[:, :-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1) + expected_[:, -1], Forest.of(booster).raw(X), rtol=0, atol=1e-9)


def test_the_authors_of_the_tables_say_the_same() -> None:
    booster = grown(num_leaves=31, max_depth=6)
    X = np.random.default_rng(1).normal(size=(300, COLUMNS))
    explainer = WoodelfExplainer(booster, feature_perturbation="tree_path_dependent")
    theirs = explainer.shap_values(pd.DataFrame(X, columns=booster.feature_name()), verbose=False)
    np.testing.assert_allclose(contributions(booster, X, 1), theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("threads", [0, 2, 3])
def test_a_rows_values_do_not_depend_on_other_rows_or_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_threads, "LEAST_ROWS", 100)
    booster = grown()
    X = hard_rows(booster, 2 * BLOCK + 7, 1)
    together = contributions(booster, X, 1)
    np.testing.assert_array_equal(contributions(booster, X, threads), together)
    np.testing.assert_array_equal(contributions(booster, np.asfortranarray(X)[::-1], threads)[::-1], together)
    np.testing.assert_array_equal(contributions(booster, X[5:6], threads), together[5:6])
    assert contributions(booster, X[:0], threads).shape == (0, COLUMNS)


@pytest.mark.parametrize("limit", ["MOST_COLUMNS", "MOST_NUMBERS"])
def test_a_model_too_deep_for_tables_is_explained_row_by_row(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    booster = grown(num_leaves=31)
    X = hard_rows(booster, 20, 1)
    by_tables = contributions(booster, X, 1)
    monkeypatch.setattr(tree_shap, limit, 3)
    assert tree_shap.tables(booster) is None
    again = lightgbm.Booster(model_str=booster.model_to_string())
    np.testing.assert_array_equal(contributions(again, X, 1), library(booster, X)[:, :-1])
    np.testing.assert_allclose(contributions(again, X, 1), by_tables, rtol=0, atol=1e-9)


def test_tables_are_made_once_and_go_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[lightgbm.Booster] = []
    original = tree_shap.tables
    monkeypatch.setattr(tree_shap, "tables", lambda booster: made.append(booster) or original(booster))
    booster, kept = grown(), len(tree_shap._prepared)
    for _ in range(3):
        contributions(booster, np.zeros((2, COLUMNS)), 1)
    assert (made, len(tree_shap._prepared)) == ([booster], kept + 1)
    made.clear()
    del booster
    gc.collect()
    assert len(tree_shap._prepared) == kept


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"read {COLUMNS} columns, got an array of shape \(2, 5\)"):
        contributions(grown(), np.zeros((2, 5)), 1)
