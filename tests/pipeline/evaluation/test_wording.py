from __future__ import annotations

from models.baselines import KINDS
from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.wording import ALONE, named, shown
from tests.pipeline.evaluation.judged_models import model


def test_every_kind_of_baseline_says_where_its_scores_come_from() -> None:
    assert ALONE.keys() == set(KINDS)


def test_models_are_called_by_version_and_kind_and_figures_by_their_interval() -> None:
    assert named(model("7", 0.7, kind="sequence")) == "version 7 (sequence)"
    assert shown(Estimate(0.12345)) == "0.1235"
    assert shown(Estimate(0.1, -0.05, 0.25)) == "0.1000 [-0.0500, 0.2500]"
