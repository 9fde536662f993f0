"""Small LightGBM models of every shape, and rows that are hard to walk through them."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

COLUMNS = 6


def grown(seed: int = 0, *, rows: int = 400, rounds: int = 8, categories: list[int] | None = None, **settings: Any) -> lightgbm.Booster:
    """A model of a matrix with undefined and zero numbers; its last column is constant, those of `categories` hold codes."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, COLUMNS)) * 10.0 ** random.integers(-2, 3, COLUMNS)
    X[:, 1] = np.round(X[:, 1])
    X[random.random(X.shape) < 0.2] = 0
    X[:, 2:4][random.random((rows, 2)) < 0.3] = np.nan
    X[:, -1] = 3
    X[:, categories or []] = np.abs(X[:, categories or []]) // 1
    y = (np.nan_to_num(X[:, 0]) + np.isnan(X[:, 2]) + random.normal(size=rows) > 0).astype(int)
    chosen = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 3, "verbosity": -1, "num_threads": 1, "seed": seed} | settings
    matrix = lightgbm.Dataset(X, y, categorical_feature=categories or "auto", params={"verbosity": -1, "min_data_in_bin": 1})
    return lightgbm.train(chosen, matrix, rounds)


def hard_rows(booster: lightgbm.Booster, rows: int, seed: int) -> np.ndarray:
    """(rows, COLUMNS): thresholds of the model and their neighbours, NaN, zeros, numbers near zero, infinities and huge ones."""
    random = np.random.default_rng(seed)
    lines = [line.partition("=")[2] for line in booster.model_to_string().splitlines() if line.startswith("threshold=")]
    thresholds = np.array([float(number) for line in lines for number in line.split()] + [0.0])
    odd = np.array([np.nan, 0.0, -0.0, 1e-36, -1e-36, 5e-324, 1e-35, 1.1e-35, -1.1e-35, np.inf, -np.inf, 1e300, 1e301, -1e308, 3.0])
    near = np.concatenate([thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf)])
    return np.where(
        random.random((rows, COLUMNS)) < 0.5,
        random.choice(odd, (rows, COLUMNS)),
        np.where(random.random((rows, COLUMNS)) < 0.5, random.choice(near, (rows, COLUMNS)), random.normal(size=(rows, COLUMNS)) * 10),
    )
