"""Which users a model is fitted on and which ones it is judged on; a user is never on both sides."""

from __future__ import annotations

import numpy as np

from features.timeline import Ints


def assign(users: Ints, folds: int, seed: int) -> Ints:
    """(n,) the fold, 0 … folds − 1, of each sample.

    users (n,) int64: samples with one number belong to one user and share a fold. The same users and seed always give the
    same folds, whatever the order of the samples; folds differ by at most one user.
    """
    distinct, inverse = np.unique(users, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(distinct))
    fold: Ints = (shuffled % folds)[inverse]
    return fold
