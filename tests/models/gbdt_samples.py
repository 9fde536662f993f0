"""A matrix as samples, for tests of models."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import numpy as np

from features.cutoff import Cutoff
from models.samples import InMemory, Samples

OLDEST = Cutoff(datetime(2026, 1, 1, tzinfo=UTC))


def samples(X: np.ndarray, y: np.ndarray, users: np.ndarray, cutoff: np.ndarray | None = None, block: int = 500) -> Samples:
    """The rows of X (n, F), at the cutoffs whose positions are given (n,), a week apart; all at one where none are given.

    Rows are put in order of cutoffs, and come in blocks of at most `block` rows of one cutoff.
    """
    where = np.zeros(len(y), dtype=np.int32) if cutoff is None else cutoff.astype(np.int32)
    order = np.argsort(where, kind="stable")
    X, y, users, where = X[order], y[order], users[order], where[order]
    ends = np.searchsorted(where, np.arange(where.max() + 2))
    blocks = [
        InMemory(X[first : min(first + block, end)])
        for start, end in itertools.pairwise(ends.tolist())
        for first in range(start, end, block)
    ]
    cutoffs = tuple(OLDEST.plus_days(7 * int(place)) for place in range(int(where.max()) + 1))
    return Samples(users.astype(np.int64), y.astype(np.int8), np.full(len(y), np.nan), where, cutoffs, blocks)
