from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.evaluation.assessment import Answers
from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.figures.album import album
from pipeline.evaluation.quality_history import Point
from pipeline.evaluation.report.duel import duel
from tests.pipeline.evaluation.report.contested import EVIDENCE, REFUSED
from tests.synthetic_lake import AS_OF

Y = np.tile(np.array([0, 1, 0], dtype=np.int8), 20)
ANSWERS = [Answers(version, "gbdt", AS_OF, Y * 0.5, 0.2 + Y * 0.5) for version in ("7", "4")]
NIGHT = Point(AS_OF, "4", "all", "auc", "realised", Estimate(0.7))


def test_an_evaluation_is_drawn_from_every_side() -> None:
    pictures = album(EVIDENCE, duel(EVIDENCE, REFUSED), Y, ANSWERS, [NIGHT])
    assert list(pictures) == ["roc", "precision_recall", "lift", "calibration", "scores", "forest", "forest_log_loss", "over_time"]
    assert all(png.startswith(b"\x89PNG") for png in pictures.values())


def test_what_there_is_nothing_to_show_of_is_left_out() -> None:
    unranked = replace(EVIDENCE, positives=1)
    judged = replace(NIGHT, basis="validation")
    assert album(unranked, duel(unranked, REFUSED), Y, [], [judged]) == {}
    without = replace(EVIDENCE, slices=())
    assert album(without, duel(without, REFUSED), Y, [], []) == {}
