from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare, poisson

from models.poisson_weights import LANES, MOST, draw, keys, once

ROWS = 40_000


def test_users_are_in_samples_as_often_as_poisson_says() -> None:
    weights = draw(keys(1, LANES), ROWS)
    seen = np.bincount(weights.ravel(), minlength=8)
    seen = np.array([*seen[:7], seen[7:].sum()])
    expected = np.array([*poisson.pmf(np.arange(7), 1), poisson.sf(6, 1)]) * weights.size
    assert chisquare(seen, expected).pvalue > 0.001
    assert weights.max() <= MOST


def test_neither_samples_nor_neighbours_depend_on_each_other() -> None:
    weights = draw(keys(2, LANES), ROWS).astype(np.float64)
    between = np.corrcoef(weights.T)[np.triu_indices(LANES, 1)]
    neighbours = [np.corrcoef(weights[:-step, lane], weights[step:, lane])[0, 1] for step in (1, 2, 3) for lane in range(LANES)]
    noise = 5 / ROWS**0.5
    assert np.abs(between).max() < noise
    assert np.abs(neighbours).max() < noise
    assert between.std() == pytest.approx(ROWS**-0.5, rel=0.2)


def test_a_sample_depends_on_its_key_alone() -> None:
    chosen = keys(3, LANES)
    whole = draw(chosen, 500)
    np.testing.assert_array_equal(draw(chosen[4:9], 300)[:, :5], whole[:300, 4:9])


def test_lanes_without_a_key_hold_nobody() -> None:
    weights = draw(keys(3, 5), 100)
    assert weights.shape == (100, LANES)
    assert weights[:, :5].any(axis=0).all()
    assert not weights[:, 5:].any()


def test_more_samples_leave_the_first_ones_as_they_are() -> None:
    np.testing.assert_array_equal(keys(7, 1000)[:40], keys(7, 40))
    assert len(set(keys(7, 1000)) | set(keys(8, 1000))) == 2000


def test_the_sample_itself_holds_everybody_once() -> None:
    assert (once(3) == np.ones((3, LANES))).all()
