from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.evaluation.decision import Decision
from pipeline.evaluation.report.duel import duel, named, ranked
from tests.pipeline.evaluation.report.contested import EVIDENCE


@pytest.mark.parametrize(
    ("promoted", "version", "champion", "sides"),
    [
        (False, "7", "4", ("7", "4", "4")),  # refused: the champion scores
        (True, "7", "4", ("7", "4", "7")),
        (True, "7", None, ("7", "5", "7")),  # the first champion stands beside the best baseline
        (True, "5", None, ("5", "7", "5")),  # a baseline beside the best model
        (False, None, "4", ("7", "4", "4")),  # nobody was considered: the best one is shown
        (False, None, "7", ("7", "5", "7")),  # the champion itself is the best
        (True, "7", "9", ("7", "5", "7")),  # a champion that was not judged has no figures
        (False, "7", "9", ("7", "5", None)),
    ],
)
def test_the_considered_model_stands_beside_the_one_it_had_to_beat(
    promoted: bool, version: str | None, champion: str | None, sides: tuple[str | None, ...]
) -> None:
    found = duel(EVIDENCE, Decision(promoted, version, champion, ()))
    assert tuple(each.version if each else None for each in (found.model, found.rival, found.scorer)) == sides


def test_where_nobody_was_judged_there_are_no_sides() -> None:
    nobody = replace(EVIDENCE, models=(), differences=(), slices=())
    found = duel(nobody, Decision(False, None, "4", ()))
    assert (found.model, found.rival, found.scorer) == (None, None, None)


def test_models_are_called_by_kind_and_version_and_ranked_by_auc() -> None:
    assert [named(model) for model in ranked(EVIDENCE)] == ["gbdt v7", "gbdt v4", "recency v5"]
