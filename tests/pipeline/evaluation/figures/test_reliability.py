from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation.figures.reliability import binned, calibration, scores
from tests.pipeline.evaluation.figures.lines import line

Y = np.tile(np.array([0, 1, 0, 1], dtype=np.int8), 10)


def test_calibration_sets_what_came_true_against_the_mean_probability() -> None:
    points = line(calibration(Y, {"gbdt": np.linspace(0, 1, 40)}), "gbdt")
    assert points.shape == (10, 2)
    assert points[:, 1] == pytest.approx(np.full(10, 0.5))
    assert (np.diff(points[:, 0]) > 0).all()


def test_the_band_holds_what_a_calibrated_model_would_show() -> None:
    random = np.random.default_rng(7)
    probability = random.uniform(0.02, 0.4, 20_000)
    inside = []
    for _ in range(40):
        bins = binned((random.random(20_000) < probability).astype(np.int8), probability)
        inside.append((bins.low <= bins.share) & (bins.share <= bins.high))
    assert 0.92 < np.mean(inside) < 0.99


def test_a_bin_of_ten_at_one_half_lies_between_two_and_eight() -> None:
    bins = binned(np.tile([0, 1], 50).astype(np.int8), np.full(100, 0.5))
    assert (bins.low[0], bins.high[0]) == (0.2, 0.8)


def test_fewer_users_than_bins_are_a_bin_each() -> None:
    assert binned(np.array([0, 1, 1], dtype=np.int8), np.array([0.1, 0.5, 0.9])).share.tolist() == [0, 1, 1]


def test_a_share_of_nought_is_drawn_at_the_edge_of_the_log_odds() -> None:
    y, probability = np.repeat([0, 1], [90, 10]).astype(np.int8), np.linspace(0.01, 0.2, 100)
    points = line(calibration(y, {"gbdt": probability}), "gbdt", panel=1)
    assert np.isfinite(points).all()
    assert (points[:9, 1] == points[0, 1]).all()


def test_several_models_have_a_panel_each() -> None:
    random = np.random.default_rng(7)
    figure = calibration(Y, {name: random.uniform(size=40) for name in ("gbdt", "sequence", "recency", "bg_nbd")})
    assert [panel.get_title() for panel in figure.axes] == ["gbdt", "sequence", "recency", "bg_nbd"]
    assert line(figure, "recency", panel=2).shape == (10, 2)
    figure.canvas.draw()


def test_scores_are_counted_by_outcome_and_model() -> None:
    figure = scores(Y, {"gbdt": np.where(Y == 1, 0.8, 0.1), "base_rate": np.full(40, 0.5)})
    assert [panel.get_ylabel() for panel in figure.axes] == ["gbdt", "base_rate"]
    apart, together = ([shape.get_xy() for shape in panel.patches] for panel in figure.axes)
    tops = [float(shape[:, 1].max()) for shape in (*apart, *together)]
    assert tops == pytest.approx([1.0] * 4)  # everybody of an outcome in one bar
    assert not np.array_equal(*apart)
    assert np.array_equal(*together)


@pytest.mark.parametrize("probability", [0.0, 0.03, 1.0])
def test_a_model_that_says_the_same_of_everybody_can_be_drawn(probability: float) -> None:
    everybody = {"base_rate": np.full(40, probability)}
    for draw in (calibration, scores):
        draw(Y, everybody).canvas.draw()
