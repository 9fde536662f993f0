from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ModelRefused
from pipeline.scoring.readiness import require_ready
from pipeline.tracking import aliases, registry, store
from tests import contest
from tests.contest import TARGET


def test_a_finished_version_that_fits_is_ready_and_leaves_nothing_behind(tmp_path: Path) -> None:
    config = contest.place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    require_ready(config, config.target(TARGET), aliases.version(config, TARGET, "1"))
    assert sorted(path for path in tmp_path.rglob("*") if path.suffix != ".lock") == [each for each in before if each.suffix != ".lock"]


def test_an_unfinished_one_is_not(tmp_path: Path) -> None:
    config = contest.place(tmp_path)
    store.prepare(config).finalize_logged_model(aliases.tags(config, TARGET, "1")[registry.MODEL_ID], "FAILED")
    with pytest.raises(ModelRefused, match="not finished"):
        require_ready(config, config.target(TARGET), aliases.version(config, TARGET, "1"))


def test_one_that_answers_another_question_is_not(tmp_path: Path) -> None:
    config = contest.place(tmp_path)
    section = config.targets[TARGET].model_copy(update={"horizon_days": 9})
    other = config.model_copy(update={"targets": {TARGET: section}})
    with pytest.raises(ModelRefused, match="'horizon_days': 9"):
        require_ready(other, other.target(TARGET), aliases.version(config, TARGET, "1"))
