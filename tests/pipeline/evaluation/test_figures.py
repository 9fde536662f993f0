from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.evaluation import figures

Y = np.array([0, 1, 0, 1], dtype=np.int8)


def line(figure: Figure, label: str) -> np.ndarray:
    (found,) = [each for each in figure.axes[0].get_lines() if each.get_label() == label]
    return np.asarray(found.get_xydata())


def test_roc_goes_from_nobody_to_everybody_in_steps_of_the_score() -> None:
    points = line(figures.roc(Y, {"gbdt": np.array([0.1, 0.4, 0.2, 0.9])}), "gbdt")
    assert points.tolist() == [[0, 0], [0, 0.5], [0, 1], [0.5, 1], [1, 1]]


def test_tied_scores_are_one_step() -> None:
    assert line(figures.roc(Y, {"gbdt": np.zeros(4)}), "gbdt").tolist() == [[0, 0], [1, 1]]


def test_calibration_sets_what_came_true_against_the_mean_probability() -> None:
    y = np.tile(Y, 10)
    points = line(figures.calibration(y, {"gbdt": np.linspace(0, 1, 40)}), "gbdt")
    assert points.shape == (10, 2)
    assert points[:, 1] == pytest.approx(np.full(10, 0.5))
    assert (np.diff(points[:, 0]) > 0).all()


def test_a_learning_curve_counts_from_one() -> None:
    points = line(figures.learning_curve({"held out": [0.7, 0.6]}, "epoch"), "held out")
    assert points.tolist() == [[1, 0.7], [2, 0.6]]


def test_figures_become_pictures_without_a_screen() -> None:
    picture = io.BytesIO()
    figures.roc(Y, {"gbdt": np.arange(4.0)}).savefig(picture, format="png")
    assert picture.getvalue().startswith(b"\x89PNG")
