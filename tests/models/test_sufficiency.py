from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from models.metrics import auc_interval
from models.sufficiency import KNOWN_WITHIN, SUPPOSED_AUC, Verdict, auc_width, verdict


def test_width_by_hand() -> None:
    # AUC .7: Q1 = .7 / 1.3, Q2 = .98 / 1.7; (.21 + 9 (Q1 − .49) + 19 (Q2 − .49)) / 200
    variance = (0.21 + 9 * (0.7 / 1.3 - 0.49) + 19 * (0.98 / 1.7 - 0.49)) / 200
    assert auc_width(10, 20) == pytest.approx(2 * norm.ppf(0.975) * variance**0.5)
    assert auc_width(10, 20, level=0.5) == pytest.approx(2 * norm.ppf(0.75) * variance**0.5)


@pytest.mark.parametrize(("ones", "zeros"), [(0, 100), (100, 0), (0, 0), (0.01, 3)])
def test_without_users_of_an_outcome_nothing_is_known(ones: float, zeros: float) -> None:
    assert auc_width(ones, zeros) == 1


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_users_never_widen_the_interval(ones: int, zeros: int) -> None:
    assert auc_width(2 * ones, 2 * zeros) <= auc_width(ones, zeros) <= 1


def test_the_expected_width_is_about_that_of_a_drawn_interval() -> None:
    random = np.random.default_rng(1)
    y = np.repeat(np.array([1, 0], dtype=np.int8), [300, 1200])
    apart = 2**0.5 * norm.ppf(SUPPOSED_AUC)
    widths = [found.upper - found.lower for found in (auc_interval(y, random.normal(size=len(y)) + apart * y) for _ in range(20))]
    assert np.mean(widths) == pytest.approx(auc_width(300, 1200), rel=0.1)


@pytest.mark.parametrize(
    ("positives", "negatives", "width", "expected"),
    [
        (20, 500, 0.02, "go"),
        (500, 20, 2 * KNOWN_WITHIN, "go"),
        (20, 500, 2 * KNOWN_WITHIN + 1e-9, "warn"),
        (19, 500, 0.02, "refuse"),
        (500, 19, 0.02, "refuse"),
        (19, 500, 1.0, "refuse"),
        (0, 0, 1.0, "refuse"),
    ],
)
def test_verdicts(positives: int, negatives: int, width: float, expected: Verdict) -> None:
    assert verdict(positives, negatives, width, least=20) == expected
