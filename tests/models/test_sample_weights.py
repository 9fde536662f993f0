from __future__ import annotations

import numpy as np
import pytest

from models.sample_weights import sample_weights
from models.samples import Samples
from tests.models.gbdt_samples import samples


def taught() -> Samples:
    """Two rows at each of three cutoffs, a week apart; the second has outcome 1."""
    return samples(np.zeros((6, 1)), np.tile([0, 1], 3), np.arange(6), np.repeat([0, 1, 2], 2))


def test_all_alike_need_no_weights() -> None:
    assert sample_weights(taught(), 0, 1) is None


def test_a_cutoff_older_by_a_half_life_weighs_half_and_the_mean_is_one() -> None:
    found = sample_weights(taught(), 7, 1)
    assert found is not None
    assert found == pytest.approx(np.array([1, 1, 2, 2, 4, 4]) * 6 / 14)


def test_outcome_1_weighs_more() -> None:
    assert np.array_equal(sample_weights(taught(), 0, 3), [1, 3, 1, 3, 1, 3])


def test_both_together() -> None:
    found = sample_weights(taught(), 7, 3)
    assert found is not None
    assert found == pytest.approx(np.array([1, 3, 2, 6, 4, 12]) * 6 / 14)


def test_the_youngest_row_does_not_fade_where_newer_cutoffs_have_none() -> None:
    young = samples(np.zeros((2, 1)), np.array([0, 1]), np.arange(2), np.array([0, 1]))
    late = Samples(
        young.users, young.labels, young.amounts, young.cutoff, (*young.cutoffs, young.cutoffs[-1].plus_days(3650)), young.blocks
    )
    found = sample_weights(late, 1, 1)
    assert found is not None
    assert found == pytest.approx(np.array([2 / 129, 256 / 129]))
