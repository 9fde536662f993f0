from __future__ import annotations

from collections.abc import Callable

import pytest

from features.target import Kind
from pipeline.config import Config
from pipeline.config_sections import Publish
from pipeline.validation.score_suite import LEVEL, REFUSED_SHARE, SHIFT, score_requirements
from tests.pipeline.validation.staged_nights import target

Configured = Callable[..., Config]


@pytest.mark.parametrize("kind", ["occurs", "absent", "sum"])
def test_every_fact_has_a_name_of_its_own_and_bounds_that_can_be_broken(kind: Kind, configured: Configured) -> None:
    found = score_requirements(configured(), target(kind))
    assert len({each.fact for each in found}) == len(found)
    assert all(each.fact.isidentifier() for each in found)
    assert all(each.least is not None or each.most is not None for each in found)


def test_the_limits_of_the_configuration_are_the_bounds_and_are_named(configured: Configured) -> None:
    limits = Publish(max_refused_share=0.2, max_shift=0.4, max_level=4)
    found = {each.fact: each for each in score_requirements(configured().model_copy(update={"publish": limits}), target())}
    assert (found[REFUSED_SHARE].most, found[SHIFT].most, found[LEVEL].least, found[LEVEL].most) == (0.2, 0.4, 0.25, 4)
    for fact, name in ((REFUSED_SHARE, "max_refused_share"), (SHIFT, "max_shift"), (LEVEL, "max_level")):
        assert f"publish.{name}" in found[fact].allowed


def test_only_a_sum_target_wants_expected_values(configured: Configured) -> None:
    names = {kind: {each.fact for each in score_requirements(configured(), target(kind))} for kind in ("occurs", "sum")}
    assert names["sum"] - names["occurs"] == {"wrong_unit"}
