from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import weighted_order
from models.poisson_weights import LANES, draw, keys
from models.weighted_order import MARK

# Scores 5 3 3 1 with values 1 0 4 2 in samples that hold these users 1 2 1 1 times.
#   user 0   on top            value 1   middle 0.5
#   1 and 2  tie, three users  value 4   middle 1 + 1.5
#   3                          value 2   middle 4 + 0.5
SCORE, VALUE, TIMES = np.array([3.0, 5.0, 3.0, 1.0]), np.array([0.0, 1.0, 4.0, 2.0]), np.array([2, 1, 1, 1], dtype=np.uint8)
WEIGHTS = np.repeat(TIMES[:, None], LANES, axis=1)


def test_sums_by_hand() -> None:
    seen = weighted_order.sums(weighted_order.descending(SCORE, VALUE), WEIGHTS)
    assert (seen.weight == 5).all()
    assert (seen.value == 7).all()
    assert (seen.rank == 2 * (1 * 0.5 + 4 * 2.5 + 2 * 4.5)).all()
    assert seen.precision == pytest.approx(np.full(LANES, 1 * 1 / 1 + 4 * 5 / 4 + 2 * 7 / 5))


def test_values_above_edges_by_hand() -> None:
    order = weighted_order.descending(SCORE, VALUE)
    edges = np.array([0, 0.5, 1, 2, 4, 4.5, 5])
    seen = weighted_order.running(order, WEIGHTS)
    above = weighted_order.found_above(order, WEIGHTS, seen, np.repeat(edges[:, None], LANES, axis=1))
    assert above[:, 3] == pytest.approx([0, 0.5, 1, 1 + 4 / 3, 5, 6, 7])


def test_totals_by_hand() -> None:
    columns = np.stack([SCORE, VALUE], axis=1)
    assert weighted_order.totals(columns, WEIGHTS)[:, 5] == pytest.approx([6 + 5 + 3 + 1, 0 + 1 + 4 + 2])


def drawn(seed: int, rows: int, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    score = random.integers(0, levels, rows).astype(np.float64) if levels else random.normal(size=rows)
    value = np.where(random.random(rows) < 0.5, 0, random.normal(size=rows))
    return score, value, draw(keys(seed, LANES), rows)


rows = st.one_of(st.integers(1, 12), st.sampled_from([MARK - 1, MARK, MARK + 1, 2 * MARK, 3 * MARK + 7]))
levels = st.sampled_from([0, 1, 2, 20])


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**20), rows=rows, levels=levels)
def test_sums_are_those_of_a_plain_loop_over_levels(seed: int, rows: int, levels: int) -> None:
    score, value, weights = drawn(seed, rows, levels)
    seen = weighted_order.sums(weighted_order.descending(score, value), weights)
    users, values, rank, precision = np.zeros((4, LANES))
    for level in np.unique(score)[::-1]:
        tied = score == level
        group, held = weights[tied].sum(axis=0), value[tied] @ weights[tied]
        rank += held * (2 * users + group)
        users, values = users + group, values + held
        precision += np.divide(held * values, users, out=np.zeros(LANES), where=users > 0)
    assert (seen.weight == users).all()
    for found, wanted in ((seen.value, values), (seen.rank, rank), (seen.precision, precision)):
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**20), rows=rows, levels=levels, share=st.floats(0, 1))
def test_values_above_an_edge_lie_on_the_line_through_the_ends_of_the_levels(seed: int, rows: int, levels: int, share: float) -> None:
    score, value, weights = drawn(seed, rows, levels)
    order = weighted_order.descending(score, value)
    both = [seen(order, weights) for seen in (weighted_order.sums, weighted_order.running)]
    edges = np.stack([share * both[0].weight, np.floor(share * both[0].weight)])
    for lane in range(0, LANES, 5):
        ends = [(0.0, 0.0)]
        for level in np.unique(score)[::-1]:
            tied = score == level
            ends.append((ends[-1][0] + weights[tied, lane].sum(), ends[-1][1] + weights[tied, lane] @ value[tied]))
        wanted = np.interp(edges[:, lane], *np.array(ends).T)
        for seen in both:
            assert weighted_order.found_above(order, weights, seen, edges)[:, lane] == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**20), rows=st.integers(1, 30), columns=st.integers(1, 5))
def test_totals_are_a_product_of_matrices(seed: int, rows: int, columns: int) -> None:
    numbers = np.random.default_rng(seed).normal(size=(rows, columns))
    weights = draw(keys(seed, LANES), rows)
    assert weighted_order.totals(numbers, weights) == pytest.approx(numbers.T @ weights, rel=1e-9, abs=1e-9)
