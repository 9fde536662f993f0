from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import weighted_figures
from models.poisson_weights import LANES, draw, keys
from tests.models import plain_figures

# Ten users, the best-ranked first. With the first one twice and the second left out the best-ranked half of ten are users 0 0 2 3 4.
Y = np.array([1, 0, 1, 0, 0, 1, 0, 0, 0, 0], dtype=np.int8)
RAW = np.arange(10, 0, -1.0)
TIMES = np.array([2, 0, 1, 1, 1, 1, 1, 1, 1, 1], dtype=np.uint8)


def figures(y: np.ndarray, raw: np.ndarray, probability: np.ndarray, weights: np.ndarray, reach: float, **amounts) -> dict[str, np.ndarray]:
    ready = {"amounts": None, "expected": None, **amounts}
    return weighted_figures.found(weighted_figures.prepared(y, raw, probability, reach=reach, threads=1, **ready), weights).figures


def test_figures_of_ten_users_by_hand() -> None:
    weights = np.repeat(TIMES[:, None], LANES, axis=1)
    found = {name: values[0, 7] for name, values in figures(Y, RAW[None], np.full((1, 10), 0.2), weights, 0.5).items()}
    hit, reached, ones, users = 3, 5, 4, 10
    assert found["recall"] == pytest.approx(hit / ones)
    assert found["precision"] == pytest.approx(hit / reached)
    assert found["f1"] == pytest.approx(2 * hit / (ones + reached))
    assert found["accuracy"] == pytest.approx((hit + users - reached - (ones - hit)) / users)
    assert found["auc"] == pytest.approx((6 + 6 + 6 + 4) / (ones * 6))
    assert found["average_precision"] == pytest.approx((2 * 1 + 1 + 4 / 6) / ones)
    assert [found[f"lift_decile_{tenth}"] for tenth in (1, 2, 3, 4, 6, 10)] == pytest.approx([2.5, 2.5, 2.5, 0, 2.5, 0])
    assert [found[f"gain_decile_{tenth}"] for tenth in (1, 2, 3, 5, 6, 9)] == pytest.approx([0.25, 0.5, 0.75, 0.75, 1, 1])
    assert found["ece"] == pytest.approx(0.4 - 0.2), "all tie, so every tenth holds 0.4 of outcome 1"
    assert found["brier"] == pytest.approx((4 * 0.64 + 6 * 0.04) / 10)


def users(seed: int, rows: int, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, and two models' log-odds and probabilities, in two different orders; scores on so many levels, 0: no ties."""
    random = np.random.default_rng(seed)
    y = (random.random(rows) < 0.4).astype(np.int8)
    raw = random.normal(size=(2, rows)) + y
    if levels:
        raw = np.round(raw * levels / 4) * 4 / levels
    return y, raw, 1 / (1 + np.exp(-raw[::-1]))


rows = st.one_of(st.integers(2, 30), st.integers(30, 300))
levels = st.sampled_from([0, 1, 3, 30])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**20), rows=rows, levels=levels, reach=st.floats(0.01, 0.99))
def test_figures_are_scikit_learns_on_the_same_samples(seed: int, rows: int, levels: int, reach: float) -> None:
    y, raw, probability = users(seed, rows, levels)
    weights = draw(keys(seed, LANES), rows)
    found = figures(y, raw, probability, weights, reach)
    for sample in (0, LANES - 1):
        times = weights[:, sample].astype(np.int64)
        for model in range(2):
            if times @ y and times @ (1 - y):
                wanted = plain_figures.figures(y, raw[model], probability[model], times, reach)
                assert {name: values[model, sample] for name, values in found.items()} == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**20), rows=rows, levels=levels)
def test_figures_of_amounts_are_those_of_a_plain_loop(seed: int, rows: int, levels: int) -> None:
    y, raw, probability = users(seed, rows, levels)
    random = np.random.default_rng(seed)
    amounts, expected = y * np.round(random.gamma(1, 20, rows), 2), np.exp(raw)
    weights = draw(keys(seed, LANES), rows)
    found = figures(y, raw, probability, weights, 0.5, amounts=np.where(amounts == 0, -3, amounts), expected=expected)
    for sample in (0, LANES - 1):
        times = weights[:, sample].astype(np.int64)
        for model in range(2):
            if len(set(amounts[times > 0])) > 1:
                wanted = plain_figures.figures_of_amounts(amounts, expected[model], times)
                assert {name: found[name][model, sample] for name in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_a_sample_without_an_outcome_leaves_the_order_undefined() -> None:
    weights = np.ones((10, LANES), dtype=np.uint8)
    weights[Y == 1, 0] = 0
    weights[Y == 0, 1] = 0
    weights[:, 2] = 0
    found = {name: values[0] for name, values in figures(Y, RAW[None], np.full((1, 10), 0.2), weights, 0.5).items()}
    assert np.isnan([found[name][0] for name in ("auc", "average_precision", "recall", "lift_decile_1", "gain_decile_1")]).all()
    assert [found[name][0] for name in ("precision", "f1", "accuracy", "brier")] == pytest.approx([0, 0, 0.5, 0.04])
    assert np.isnan(found["auc"][1])
    assert found["average_precision"][1] == 1
    assert np.isnan([found[name][2] for name in found]).all(), "nobody is in the sample"
    assert np.isfinite([found[name][3] for name in found]).all()


@pytest.mark.parametrize("amount", [0.0, 0.1])
def test_equal_amounts_have_no_gini_and_none_at_all_no_ratio(amount: float) -> None:
    equal = {"amounts": np.full(10, amount), "expected": RAW[None]}
    found = figures(Y, RAW[None], np.full((1, 10), 0.2), draw(keys(5, LANES), 10), 0.5, **equal)
    assert np.isnan(found["gini"]).all()
    assert np.isnan(found["total_ratio"]).all() == (amount == 0)
    assert np.isfinite(found["mae"]).all()
