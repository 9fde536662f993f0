from __future__ import annotations

import io

import numpy as np

from pipeline.evaluation.figures import judgement

Y = np.tile(np.array([0, 1, 0], dtype=np.int8), 20)


def test_all_pictures_of_several_models_are_drawn_without_a_screen() -> None:
    random = np.random.default_rng(7)
    drawn = dict(judgement(Y, {"gbdt v2": random.uniform(size=60), "base_rate v1": np.full(60, 1 / 3)}))
    assert list(drawn) == ["roc", "precision_recall", "lift", "calibration", "scores"]
    for figure in drawn.values():
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        assert picture.getvalue().startswith(b"\x89PNG")


def test_of_no_model_nothing_is_drawn() -> None:
    assert list(judgement(Y, {})) == []
