from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.sample_views import drawn, until
from models.samples import Samples
from tests.models.gbdt_samples import samples


class Sealed:
    """A block that must not be read."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def matrix(self) -> np.ndarray:
        raise PermissionError("sealed")


def numbered(per_cutoff: list[int], block: int = 3) -> Samples:
    """Rows whose feature is their position; user = place within the cutoff."""
    rows = sum(per_cutoff)
    where = np.repeat(np.arange(len(per_cutoff)), per_cutoff)
    users = np.concatenate([np.arange(count) for count in per_cutoff])
    return samples(np.arange(rows, dtype=float)[:, None], np.zeros(rows), users, where, block)


def test_rows_of_later_cutoffs_are_gone_and_their_blocks_too() -> None:
    whole = numbered([4, 5, 3])
    sealed = replace(whole, blocks=[*whole.blocks[:4], Sealed(3)])
    assert [len(block) for block in sealed.blocks] == [3, 1, 3, 2, 3]
    kept = until(sealed, 1)
    assert kept.cutoffs == whole.cutoffs[:2]
    assert kept.matrix(np.arange(9))[:, 0].tolist() == list(range(9))
    assert kept.cutoff.tolist() == [0] * 4 + [1] * 5
    assert len(kept.users) == len(kept.labels) == len(kept.amounts) == 9


def test_everything_is_kept_up_to_the_last_cutoff() -> None:
    whole = numbered([4, 5])
    assert until(whole, 1).users.tolist() == whole.users.tolist()


def test_few_rows_are_not_drawn_from() -> None:
    whole = numbered([4, 5])
    assert drawn(whole, 9, seed=1) is whole


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 60), st.integers(0, 9))
def test_a_draw_keeps_all_rows_of_some_users_in_order(per_cutoff: list[int], most: int, seed: int) -> None:
    whole = numbered(per_cutoff)
    part = drawn(whole, most, seed)
    rows = np.flatnonzero(np.isin(whole.users, part.users))
    assert sum(len(block) for block in part.blocks) == len(part.users) == len(rows)
    assert part.users.tolist() == whole.users[rows].tolist()
    assert part.cutoff.tolist() == whole.cutoff[rows].tolist()
    assert part.matrix(np.arange(len(rows)))[:, 0].tolist() == rows.tolist()
    assert part.cutoffs == whole.cutoffs


def test_a_draw_holds_about_as_many_rows_as_wanted_and_depends_on_the_seed() -> None:
    whole = numbered([1000, 1000])
    draws = [drawn(whole, 500, seed) for seed in (1, 1, 2)]
    assert [len(draw.users) for draw in draws] == [500, 500, 500]
    assert draws[0].users.tolist() == draws[1].users.tolist() != draws[2].users.tolist()
