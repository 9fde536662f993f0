from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import roots_jacobi

from models import bg_nbd
from models.bg_nbd import BgNbd
from models.classifier import Floats

CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
"""The paper's estimates, in weeks."""


def users(*rows: tuple[float, float, float]) -> tuple[Floats, Floats, Floats]:
    """x, t_x and T of these users."""
    repeats, last, age = np.array(rows, dtype=float).reshape(-1, 3).T
    return repeats, last, age


def simulated(population: BgNbd, count: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Users drawn from the model's own story, seen for 1 to 365 days."""
    random = np.random.default_rng(seed)
    rate, leaves = random.gamma(population.r, 1 / population.alpha, count), random.beta(population.a, population.b, count)
    repeats, last, age, now = np.zeros(count), np.zeros(count), random.uniform(1, 365, count), np.zeros(count)
    active = np.ones(count, dtype=bool)
    while active.any():
        now += random.exponential(1, count) / np.maximum(rate, 1e-12)
        active &= now <= age
        repeats[active] += 1
        last[active] = now[active]
        active &= random.random(count) >= leaves
    return repeats, last, age


def integrated(population: BgNbd, repeats: float, age: float, days: float, nodes: int = 200) -> float:
    """Expected events of an active user, by quadrature over the leaving probability p ~ Beta(a, b + x): no hypergeometric function."""
    aside = 1e-9  # SciPy's nodes are 0 ÷ 0 where a + b + x = 1
    point, weight = roots_jacobi(nodes, population.b + repeats - 1 + aside, population.a - 1)
    p = (point + 1) / 2
    shape = population.r + repeats
    return float((weight * -np.expm1(-shape * np.log1p(p * days / (population.alpha + age))) / p).sum() / weight.sum())


def test_the_papers_example_of_one_customer() -> None:
    customer = users((2, 30.43, 38.86))
    assert CDNOW.expected(*customer, 39)[0] == pytest.approx(1.226, abs=0.0005)
    # Section 5: P(alive) = 1 / (1 + a / (b + x − 1) × ((α + T) / (α + t_x))^(r + x)).
    by_hand = 1 / (1 + 0.793 / 3.426 * ((4.414 + 38.86) / (4.414 + 30.43)) ** 2.243)
    assert CDNOW.alive(*customer)[0] == pytest.approx(by_hand, rel=1e-12)


def test_without_a_repeat_nobody_has_left_and_without_the_event_nothing_is_known() -> None:
    rows = users((0, 0, 10), (np.nan, np.nan, np.nan), (0, 0, 0))
    assert CDNOW.alive(*rows).tolist() == pytest.approx([1, np.nan, 1], nan_ok=True)
    expected = CDNOW.expected(*rows, 39)
    assert np.isnan(expected).tolist() == [False, True, False]
    assert 0 < expected[0] < expected[2]
    assert CDNOW.expected(*users(), 39).shape == (0,)


def test_a_long_silence_of_a_frequent_buyer_says_more_than_that_of_a_rare_one() -> None:
    alive = CDNOW.alive(*users((20, 10, 30), (2, 10, 30)))
    assert alive[0] < 0.01 < alive[1]


@pytest.mark.parametrize(
    ("population", "repeats"),
    [
        (CDNOW, 2.0),
        (BgNbd(0.5, 3.0, 1.0, 2.0), 3.0),  # a = 1: the closed form is 0 ÷ 0
        (BgNbd(0.5, 3.0, 0.4, 0.6), 0.0),  # a + b = 1 without repeats: so is its other factor
        (BgNbd(0.5, 3.0, 0.2, 0.3), 0.0),  # and negative here
        (BgNbd(2.0, 30.0, 15.0, 0.05), 4.0),
        (BgNbd(0.3, 0.5, 0.5, 140.0), 400.0),
    ],
)
def test_the_closed_form_is_the_integral_where_it_could_fail(population: BgNbd, repeats: float) -> None:
    (found,) = population.expected(*users((repeats, 20.0, 20.0)), 90)
    (alive,) = population.alive(*users((repeats, 20.0, 20.0)))
    assert found == pytest.approx(alive * integrated(population, repeats, 20.0, 90), rel=1e-5)


logs = st.tuples(*(st.floats(low, high) for low, high in zip(bg_nbd.LEAST, bg_nbd.MOST, strict=True)))
ages = st.one_of(st.floats(0, 4000), st.integers(0, 400).map(float))


@given(logs, st.integers(0, 2000), ages, st.floats(0, 1), st.sampled_from([1, 7, 30, 365]), st.floats(0.1, 1000))
def test_expectations_are_finite_and_no_more_than_of_a_user_who_never_leaves(
    log: tuple[float, ...], repeats: int, age: float, share: float, days: int, unit: float
) -> None:
    r, alpha, a, b = np.exp(log).tolist()
    population = BgNbd(r, alpha * unit, a, b)
    customer = users((repeats, age * share if repeats else 0.0, age))
    (alive,), (expected,) = population.alive(*customer), population.expected(*customer, days)
    assert 0 <= alive <= 1
    assert 0 <= expected <= (r + repeats) / (alpha * unit + age) * days * (1 + 1e-12)


@given(st.integers(1, 40), st.floats(1, 300), st.floats(0, 1))
def test_who_came_more_lately_is_more_likely_active_and_a_longer_look_expects_more(repeats: int, age: float, share: float) -> None:
    early, late = users((repeats, share * age, age)), users((repeats, (1 + share) / 2 * age, age))
    assert CDNOW.alive(*early)[0] <= CDNOW.alive(*late)[0]
    assert CDNOW.expected(*early, 30)[0] <= CDNOW.expected(*late, 30)[0]
    assert CDNOW.expected(*late, 30)[0] <= CDNOW.expected(*late, 31)[0]


def test_the_chance_of_any_event_is_that_of_users_drawn_from_the_model() -> None:
    """Of users who bought nothing in their first day, the share that buys within the next 200 days; four standard errors around it."""
    random, count, days = np.random.default_rng(7), 200_000, 200.0
    rate = random.gamma(CDNOW.r, 1 / CDNOW.alpha, count)
    first = random.exponential(1, count) / rate
    silent = first > 1
    share = float((first[silent] <= 1 + days).mean())
    found = CDNOW.any_within(*users((0, 0, 1)), days)[0]
    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / silent.sum()))


@given(st.integers(0, 40), ages, st.floats(0, 1))
def test_the_chance_of_any_event_is_at_most_that_of_being_active_and_the_events_expected(repeats: int, age: float, share: float) -> None:
    user = users((repeats, share * age if repeats else 0, age))
    short, long = CDNOW.any_within(*user, 7)[0], CDNOW.any_within(*user, 365)[0]
    assert 0 <= short <= long <= CDNOW.alive(*user)[0]
    assert long <= CDNOW.expected(*user, 365)[0] * (1 + 1e-6) + 1e-12
    assert np.isnan(CDNOW.any_within(*users((np.nan, np.nan, np.nan)), 7)).all()


def test_a_user_alone_gets_the_bits_it_gets_in_a_crowd() -> None:
    crowd = simulated(CDNOW, 1003, seed=1)
    strided = [np.column_stack([column, column])[:, 0] for column in crowd]
    for answer in (CDNOW.alive, lambda *rows: CDNOW.expected(*rows, 30)):
        together = answer(*crowd)
        assert answer(*strided).tolist() == together.tolist()
        assert [answer(*(column[row : row + 1] for column in crowd))[0] for row in range(0, 1003, 17)] == together[::17].tolist()


@pytest.mark.parametrize("truth", [BgNbd(0.243, 31.0, 0.793, 2.426), BgNbd(2.0, 60.0, 0.5, 10.0), BgNbd(0.7, 5.0, 1.5, 3.0)])
def test_the_population_that_made_the_rows_is_found_again(truth: BgNbd) -> None:
    rows = simulated(truth, 30_000, seed=3)
    found = bg_nbd.fit(*rows)
    assert [found.r, found.alpha] == pytest.approx([truth.r, truth.alpha], rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)
    error = np.abs(found.expected(*rows, 30) - truth.expected(*rows, 30))
    assert error.mean() < 0.03 * truth.expected(*rows, 30).mean()


def test_rows_in_another_order_and_rows_without_the_event_change_no_bit() -> None:
    rows = np.floor(np.column_stack(simulated(CDNOW, 2000, seed=5)))
    mixed = np.vstack([np.full((7, 3), np.nan), rows[np.random.default_rng(1).permutation(2000)], np.full((1, 3), np.nan)])
    assert bg_nbd.fit(*mixed.T) == bg_nbd.fit(*rows.T)


@pytest.mark.parametrize(
    "rows",
    [
        users(),
        users((np.nan, np.nan, np.nan)),
        users((0, 0, 0), (0, 0, 0)),
        users(*[(0, 0, 50)] * 1000),
        users(*[(50, 50, 50)] * 1000),
        users(*[(50, 1e-6, 5000)] * 1000),
    ],
    ids=["nobody", "no event", "new today", "nobody repeats", "nobody leaves", "everybody left"],
)
def test_any_rows_give_a_usable_population(rows: tuple[Floats, Floats, Floats]) -> None:
    found = bg_nbd.fit(*rows)
    assert np.isfinite(found.expected(*users((0, 0, 10), (3, 5, 10)), 30)).all()


def test_the_gradient_is_that_of_the_loss() -> None:
    repeats, last, age = (column / 100 for column in simulated(BgNbd(0.7, 50.0, 1.5, 3.0), 300, seed=0))
    repeats = np.sort(np.round(repeats * 100))
    counts, times = np.unique(repeats, return_counts=True)
    rows = bg_nbd._Rows(repeats, last, age, np.ones(300), counts, times.astype(float))
    at, step = np.array([0.1, -0.3, 0.4, 0.7]), 1e-6
    slopes = [(rows.loss(at + step * axis)[0] - rows.loss(at - step * axis)[0]) / (2 * step) for axis in np.eye(4)]
    assert rows.loss(at)[1] == pytest.approx(slopes, rel=1e-6)


def test_parameters_survive_json_exactly_and_others_are_refused() -> None:
    assert BgNbd.from_json(json.loads(json.dumps(CDNOW.to_json()))) == CDNOW
    with pytest.raises(ValueError, match="parameters r, alpha, a, b, got a, alpha, r"):
        BgNbd.from_json({"r": 1, "alpha": 1, "a": 1})
    with pytest.raises(ValueError, match="finite numbers above 0"):
        BgNbd.from_json({"r": 1, "alpha": 1, "a": 0, "b": 1})
    with pytest.raises(ValueError, match="finite numbers above 0"):
        BgNbd(1, np.inf, 1, 1)
