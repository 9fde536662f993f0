from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.multiplicity import ERROR, holm, lower_end, visible

APART = Estimate(0.03, 0.03 - 1.959964 * 0.01, 0.03 + 1.959964 * 0.01)
"""Standard error 0.01."""


def test_one_alone_is_held_to_the_interval_itself() -> None:
    assert lower_end(APART) == APART.lower


@pytest.mark.parametrize(("parts", "z"), [(2, 2.241403), (4, 2.497705), (10, 2.807034)])
def test_the_lower_end_lies_further_out_where_the_chance_of_error_is_shared(parts: int, z: float) -> None:
    assert lower_end(APART, parts) == pytest.approx(0.03 - z * 0.01, abs=1e-7)


def test_nothing_is_sure_and_nothing_visible_without_an_interval() -> None:
    assert lower_end(Estimate(0.9)) == float("-inf")
    assert visible(Estimate(0.9)) == float("inf")


@given(parts=st.integers(1, 50))
def test_what_is_called_visible_is_seen_in_four_of_five_samples(parts: int) -> None:
    bar = norm.ppf(1 - ERROR / parts) * 0.01
    assert norm.sf(bar, loc=visible(APART, parts), scale=0.01) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ((), ()),
        ((0.05,), (True,)),
        ((0.051,), (False,)),
        ((0.03, 0.04), (False, False)),  # each alone would be below 0.05
        ((0.04, 0.025), (True, True)),  # the second one only has to be below 0.05
        ((0.06, 0.01, 0.02, 0.02), (False, True, False, False)),  # 0.02 > 0.05 / 3
        ((0.01, 0.04, 0.03, 0.005), (True, False, False, True)),  # the example of the textbooks
    ],
)
def test_holm_stops_at_the_first_value_above_its_share(p: tuple[float, ...], expected: tuple[bool, ...]) -> None:
    assert holm(p, 0.05) == expected


@given(p=st.lists(st.floats(0, 1), max_size=12), level=st.floats(0.001, 0.5))
def test_holm_finds_at_least_what_bonferroni_does_and_no_p_above_the_level(p: list[float], level: float) -> None:
    for value, sure in zip(p, holm(p, level), strict=True):
        assert sure or value > level / len(p)
        assert not sure or value <= level
