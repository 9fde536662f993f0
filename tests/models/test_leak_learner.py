from __future__ import annotations

import numpy as np

from models.leak_learner import guess
from models.leaks import mean_area

RANDOM = np.random.default_rng(7)
USERS = np.repeat(np.arange(200), 3)
X = RANDOM.normal(size=(600, 6))
Y = np.repeat(RANDOM.random(200) < 0.3, 3).astype(np.int8)


def test_noise_is_not_learned() -> None:
    found = guess(X, Y, USERS, seed=7, by_heart=True)
    judged = mean_area(found.score, Y, USERS, found.fold)
    assert abs(judged.value - 0.5) < 3.3 * judged.error


def test_a_column_that_tells_is_learned() -> None:
    found = guess(np.column_stack([X, Y + RANDOM.normal(size=600)]), Y, USERS, seed=7)
    assert mean_area(found.score, Y, USERS, found.fold).value > 0.7


def test_the_rows_of_a_user_are_never_on_both_sides() -> None:
    """Columns that tell users apart, and outcomes that differ between users: it would show at once."""
    named = X[USERS]
    found = guess(named, Y, USERS, seed=7, by_heart=True)
    assert all(len(np.unique(found.fold[user == USERS])) == 1 for user in range(200))
    judged = mean_area(found.score, Y, USERS, found.fold)
    assert abs(judged.value - 0.5) < 3.3 * judged.error
    rows_apart = guess(named, Y, np.arange(600), seed=7, by_heart=True)
    assert mean_area(rows_apart.score, Y, np.arange(600), rows_apart.fold).value > 0.8


def test_the_same_rows_give_the_same_bits() -> None:
    assert guess(X, Y, USERS, seed=7).score.tobytes() == guess(X, Y, USERS, seed=7).score.tobytes()
