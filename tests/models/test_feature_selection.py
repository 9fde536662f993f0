from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from models import feature_selection
from models.feature_selection import _correlations, _unit_ranks, redundant, sampled

NAN = np.nan


def dropped(**columns: list[float]) -> dict[str, str]:
    """What is dropped of these columns, and why."""
    return redundant(np.array(list(columns.values()), dtype=float).T, list(columns))


def test_a_column_of_one_value_is_dropped_and_undefined_is_a_value() -> None:
    found = dropped(
        zero=[0, 0, 0], minus=[-0.0, 0, -0.0], half=[0.5, 0.5, 0.5], never=[NAN, NAN, NAN], sometimes=[NAN, 1, 1], varied=[1, 2, 4]
    )
    assert found == {"zero": "0 for everyone", "minus": "0 for everyone", "half": "0.5 for everyone", "never": "undefined for everyone"}


def test_an_equal_column_is_dropped_in_favour_of_the_earlier() -> None:
    found = dropped(a=[1, NAN, 3, 7], b=[2, 1, 1, 1], c=[1, NAN, 3, 7], d=[1, 3, NAN, 7], e=[1, NAN, 3, 7])
    assert found == {"c": "the same as a", "e": "the same as a"}


def test_a_column_that_moves_with_an_earlier_one_is_dropped_with_the_correlation() -> None:
    found = dropped(count=[3, 0, 1, 9], per_day=[1, 0, 1 / 3, 3], share=[4, 0, 1, 9], rest=[-3, 0, -1, -9])
    assert found == {"per_day": "moves with count (correlation 1.00000)", "rest": "moves with count (correlation -1.00000)"}


def test_columns_undefined_for_other_rows_do_not_move_together() -> None:
    assert dropped(a=[1, 2, 3, NAN], b=[1, 2, NAN, 3], c=[1, 2, 3, 4]) == {}
    assert dropped(a=[1, 2, 5, NAN], b=[2, 4, 10, NAN]) == {"b": "moves with a (correlation 1.00000)"}


def test_one_value_or_undefined_tells_no_more_than_what_is_undefined_for_the_same_rows() -> None:
    assert dropped(a=[1, 1, 1, NAN], b=[2, 2, 2, NAN], c=[2, 2, NAN, 2], d=[1, 2, 3, NAN]) == {"b": "one value wherever a is defined"}
    assert dropped(a=[1, 2, 5, NAN], b=[3, 3, 3, NAN]) == {"b": "one value wherever a is defined"}


def test_a_reason_names_a_column_that_is_kept() -> None:
    # b moves with a, and c with b but less with a: as b is gone, c stays.
    random = np.random.default_rng(1)
    a, noise = random.normal(size=(2, 20_000))
    X = np.column_stack([a, a + 0.012 * noise, a + 0.024 * noise])
    assert redundant(X[:, 1:], ["b", "c"]).keys() == {"c"}
    assert redundant(X, ["a", "b", "c"]).keys() == {"b"}


def test_values_of_a_rare_event_are_not_taken_for_its_count() -> None:
    # All but 1 % are 0 in both: their ranks hardly differ whatever the few values are.
    random = np.random.default_rng(2)
    bought = random.random(20_000) < 0.01
    count, value = np.where(bought, 1 + random.poisson(2, 20_000), 0), np.where(bought, random.exponential(50, 20_000), 0)
    assert abs(spearmanr(count, value).statistic) > feature_selection.SAME
    assert redundant(np.column_stack([count, value]), ["count", "value"]) == {}


def test_small_values_behind_a_few_large_ones_are_not_taken_for_one_another() -> None:
    random = np.random.default_rng(3)
    small, other, large = random.normal(size=(3, 5000))
    large[50:] = 0
    X = np.column_stack([small + 1e5 * large, other + 1e5 * large])
    assert abs(np.corrcoef(X.T)[0, 1]) > feature_selection.SAME
    assert redundant(X, ["a", "b"]) == {}


def test_correlations_are_pearsons_over_any_number_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_selection, "BLOCK_ROWS", 7)
    random = np.random.default_rng(4)
    columns = random.normal(size=(5, 100)) * np.array([[1], [1e6], [1e-6], [1], [0]]) + np.array([[0], [1e9], [0], [1], [3]])
    columns[3] += columns[0]
    found = _correlations(columns)
    np.testing.assert_allclose(found[:4, :4], np.corrcoef(columns[:4]), atol=1e-6)
    assert found[4].tolist() == [0.0] * 5


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_the_product_of_ranks_is_spearmans_correlation(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert _unit_ranks(x) @ _unit_ranks(y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


values = st.sampled_from([0.0, 1.0, 2.0, 5.0, NAN])


@given(st.lists(st.lists(values, min_size=4, max_size=4), min_size=1, max_size=8))
def test_what_is_kept_is_kept_again_and_nothing_before_a_first_column_matters(columns: list[list[float]]) -> None:
    X, names = np.array(columns).T, [f"c{number}" for number in range(len(columns))]
    found = redundant(X, names)
    kept = [position for position, name in enumerate(names) if name not in found]
    assert redundant(X[:, kept], [names[position] for position in kept]) == {}
    assert redundant(X[::-1], names).keys() == found.keys()
    assert list(redundant(np.column_stack([np.zeros(4), X]), ["zero", *names]).items()) == [("zero", "0 for everyone"), *found.items()]


def test_a_sample_is_rows_in_order_chosen_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.arange(40.0).reshape(20, 2)
    assert sampled(X, seed=1) is X
    monkeypatch.setattr(feature_selection, "SAMPLE_ROWS", 6)
    found = sampled(X, seed=1)
    assert found.shape == (6, 2)
    assert (np.diff(found[:, 0]) > 0).all()
    assert (found == sampled(X, seed=1)).all()
    assert (found != sampled(X, seed=2)).any()


def test_no_rows_tell_nothing() -> None:
    assert redundant(np.zeros((0, 2)), ["a", "b"]) == {"a": "undefined for everyone", "b": "undefined for everyone"}
    assert redundant(np.zeros((3, 0)), []) == {}
