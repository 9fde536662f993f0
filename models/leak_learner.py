"""Small boosted trees that look for what should not be there: quick to fit, and eager to learn by heart."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np

from features.timeline import Ints
from models import folds
from models.classifier import Floats, Labels

MANY = 200
"""Of the rarer outcome."""


@dataclass(frozen=True)
class Guess:
    """score (n,) log-odds of each row by the fold model that has not seen its user; fold (n,) which one that was."""

    score: Floats
    fold: Ints


def guess(X: Floats, y: Labels, users: Ints, *, seed: int, by_heart: bool = False, parts: int = 3) -> Guess:
    """Out-of-fold scores of y (n,) 0/1 from X (n, F) float64, NaN = undefined; users (n,) int64, equal for rows of one user.

    The number of trees is fixed: stopping where held-out users are told apart best would lift the score of pure noise. `by_heart`:
    trees with many leaves of few rows, which learn each user alone. The same input gives the same bits, on one thread.
    """
    settings = {
        "objective": "binary",
        "learning_rate": 0.1,
        "num_leaves": 63 if by_heart else 15,
        "min_data_in_leaf": 2 if by_heart else min(20, max(2, len(y) // 20)),
        "feature_fraction": 0.5,
        "max_bin": 63,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(X, label=y, params=settings, free_raw_data=False).construct()
    # Many outcomes are soon learned by heart; a few take longer.
    trees = 30 if by_heart and min(np.bincount(y, minlength=2)) > MANY else 60
    fold = folds.assign(users, parts, seed)
    score = np.zeros(len(y))
    for held_out in range(parts):
        inside, outside = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        booster = lightgbm.train(settings, data.subset(inside), num_boost_round=trees)
        score[outside] = booster.predict(X[outside], raw_score=True, num_threads=1)
    return Guess(score, fold)
