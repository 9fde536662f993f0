from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation.assessment import Estimate, assess

Y = np.array([0, 0, 1, 1], dtype=np.int8)


def test_a_perfect_order_with_sure_probabilities_is_perfect_in_every_figure() -> None:
    found = assess(Y, np.array([-2.0, -1, 1, 2]), np.array([0.0, 0, 1, 1]))
    assert found["auc"].value == found["average_precision"].value == 1
    assert [found[name].value for name in ("log_loss", "brier", "ece")] == pytest.approx([0, 0, 0], abs=1e-12)


def test_figures_of_a_small_case_by_hand() -> None:
    probability = np.array([0.2, 0.6, 0.4, 0.8])
    found = assess(Y, np.log(probability / (1 - probability)), probability)
    assert found["auc"].value == 0.75  # one of the four pairs is the wrong way round
    assert found["brier"].value == pytest.approx((0.04 + 0.36 + 0.36 + 0.04) / 4)
    assert found["log_loss"].value == pytest.approx(-(2 * np.log(0.8) + 2 * np.log(0.4)) / 4)


def test_only_the_auc_has_an_interval() -> None:
    found = assess(Y, np.array([-1.0, 0.5, 0, 1]), np.array([0.2, 0.6, 0.5, 0.8]))
    assert found["auc"].lower is not None
    assert found["auc"].upper is not None
    assert found["auc"].lower <= found["auc"].value <= found["auc"].upper
    assert found["brier"] == Estimate(found["brier"].value)


def test_one_outcome_only_has_no_figures() -> None:
    with pytest.raises(ValueError, match="outcome 1"):
        assess(np.zeros(4, dtype=np.int8), np.arange(4.0), np.full(4, 0.5))
