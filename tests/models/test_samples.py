from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from features.cutoff import Cutoff
from models.samples import InMemory, Samples

EARLY, LATE = Cutoff(datetime(2026, 1, 1, tzinfo=UTC)), Cutoff(datetime(2026, 1, 8, tzinfo=UTC))


def samples(*blocks: list[float]) -> Samples:
    n = sum(len(block) for block in blocks)
    columns = [InMemory(np.array(block)[:, None]) for block in blocks]
    return Samples(np.arange(n), np.zeros(n, np.int8), np.full(n, np.nan), np.zeros(n, np.int32), (EARLY, LATE), columns)


@pytest.mark.parametrize(
    ("rows", "found"),
    [([0, 1, 2, 3, 4], [10, 11, 20, 30, 31]), ([1, 3], [11, 30]), ([2], [20]), ([4], [31])],
)
def test_rows_come_from_the_blocks_that_hold_them(rows: list[int], found: list[float]) -> None:
    assert samples([10, 11], [20], [30, 31]).matrix(np.array(rows))[:, 0].tolist() == found


def test_a_block_without_a_wanted_row_is_not_read() -> None:
    class Closed(InMemory):
        def matrix(self) -> np.ndarray:
            raise AssertionError("read")

    some = samples([10, 11], [20])
    whole = Samples(some.users, some.labels, some.amounts, some.cutoff, some.cutoffs, [some.blocks[0], Closed(np.array([[20.0]]))])
    assert whole.matrix(np.array([0, 1]))[:, 0].tolist() == [10, 11]
