from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation.figures.ranked import ranked
from pipeline.evaluation.figures.ranking import STEADY, gain, lift, precision_recall, roc
from tests.pipeline.evaluation.figures.lines import line

Y = np.array([0, 1, 0, 1], dtype=np.int8)


def test_roc_goes_from_nobody_to_everybody_in_steps_of_the_score() -> None:
    figure = roc(Y, {"gbdt": ranked(Y, np.array([0.1, 0.4, 0.2, 0.9]))})
    assert line(figure, "gbdt: AUC 1.000").tolist() == [[0, 0], [0, 0.5], [0, 1], [0.5, 1], [1, 1]]


def test_tied_scores_are_one_step() -> None:
    assert line(roc(Y, {"gbdt": ranked(Y, np.zeros(4))}), "gbdt: AUC 0.500").tolist() == [[0, 0], [1, 1]]


def test_precision_and_recall_of_a_literal_ranking() -> None:
    figure = precision_recall(Y, {"gbdt": ranked(Y, np.array([0.1, 0.4, 0.5, 0.9]))})
    points = line(figure, "gbdt: average precision 0.833")
    assert points.tolist() == [[STEADY, 1], [0.5, 1], [0.5, 0.5], [1, 2 / 3], [1, 0.5]]


def test_whoever_says_the_same_of_everybody_has_the_precision_of_chance_at_any_recall() -> None:
    figure = precision_recall(Y, {"base_rate": ranked(Y, np.zeros(4))})
    assert line(figure, "base_rate").tolist() == [[STEADY, 0.5], [1, 0.5]]


def test_precision_on_the_few_best_ranked_users_is_not_drawn() -> None:
    y = np.tile(np.array([1, 0], dtype=np.int8), 100)
    points = line(precision_recall(y, {"gbdt": ranked(y, np.arange(200, 0, -1.0))}), "gbdt")
    assert points[:2].tolist() == [[STEADY, 2 / 3], [STEADY, 0.5]]  # after three users and after four


def test_gain_counts_outcomes_among_the_best_ranked() -> None:
    y = np.array([1, 1, 0, 0, 0, 1, 0, 0, 0, 0], dtype=np.int8)
    assert gain(ranked(y, np.arange(10, 0, -1.0))) == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 1, 1, 1, 1, 1])


def test_users_of_equal_score_share_their_outcomes() -> None:
    apart, together = np.array([1, 0, 0, 0, 1], dtype=np.int8), np.array([1, 0, 1, 0], dtype=np.int8)
    assert gain(ranked(apart, np.zeros(5))) == pytest.approx(np.linspace(0, 1, 11))
    assert gain(ranked(together, np.array([2.0, 2.0, 1.0, 1.0]))) == pytest.approx(np.linspace(0, 1, 11))


def test_lift_is_each_deciles_share_over_everybodys() -> None:
    y = np.repeat([1, 0], [20, 80]).astype(np.int8)
    figure = lift(y, {"gbdt": ranked(y, np.arange(100, 0, -1.0))})
    assert line(figure, "gbdt", panel=1)[:, 1] == pytest.approx([5, 5, 0, 0, 0, 0, 0, 0, 0, 0])
    assert line(figure, "gbdt", panel=0)[:3].tolist() == [[0, 0], [0.1, 0.5], [0.2, 1]]
