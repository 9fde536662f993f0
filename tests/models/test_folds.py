from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.folds import assign


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_a_user_is_in_one_fold_and_the_order_of_samples_does_not_matter(users: list[int], seed: int) -> None:
    numbers = np.array(users, dtype=np.int64)
    fold = assign(numbers, 4, seed)
    assert len(set(zip(users, fold.tolist(), strict=True))) == len(set(users))
    assert (assign(numbers[::-1], 4, seed)[::-1] == fold).all()


def test_folds_are_even_and_depend_on_the_seed() -> None:
    users = np.arange(1003)
    assert sorted(np.bincount(assign(users, 5, 1)).tolist()) == [200, 200, 201, 201, 201]
    assert (assign(users, 5, 1) != assign(users, 5, 2)).any()
