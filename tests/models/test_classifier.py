from __future__ import annotations

import numpy as np
import pytest

from models.classifier import NotLearnable, refuse_unlearnable

USERS = np.array([1, 1, 2, 3])


def test_both_outcomes_and_enough_users_pass() -> None:
    refuse_unlearnable(np.array([0, 1, 0, 0], dtype=np.int8), USERS, least_users=3)


def test_samples_of_one_user_count_once() -> None:
    with pytest.raises(NotLearnable, match="3 users to learn from; at least 4"):
        refuse_unlearnable(np.array([0, 1, 0, 0], dtype=np.int8), USERS, least_users=4)


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_is_refused_by_name(outcome: int) -> None:
    with pytest.raises(NotLearnable, match=f"All 4 samples have the outcome {outcome}"):
        refuse_unlearnable(np.full(4, outcome, dtype=np.int8), USERS, least_users=3)
