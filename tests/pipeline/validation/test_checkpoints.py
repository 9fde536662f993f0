from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.validation.checkpoints import Checkpoints
from pipeline.validation.requirement import Requirement
from pipeline.validation.stage import Stage

LEAST, MOST = Requirement("a", "a is 1 at least", least=1), Requirement("b", "b is 2 at most", most=2)


@contextmanager
def opened(folder: Path, required: Sequence[Requirement]) -> Iterator[tuple[Checkpoints, Stage]]:
    checkpoints = Checkpoints()
    stage = Stage(checkpoints.engine, folder, required, ())
    try:
        yield checkpoints, stage
    finally:
        stage.close()
        checkpoints.engine.dispose()


def test_bounds_are_included_and_null_is_outside_of_any(staging: Path) -> None:
    with opened(staging, [LEAST, MOST]) as (checkpoints, stage):

        def met(a: float | None, b: float | None) -> dict[str, bool]:
            stage.store({"a": a, "b": b})
            outcome = checkpoints.run((LEAST, MOST), "Monday")
            return {each.expectation_config.kwargs["column"]: each.success for each in outcome.results}

        assert met(1, 2) == {"a": True, "b": True}
        assert met(0.999999, 2.000001) == {"a": False, "b": False}
        assert met(None, None) == {"a": False, "b": False}


def test_subjects_with_the_same_requirements_share_a_checkpoint_and_others_do_not(staging: Path) -> None:
    with opened(staging, [LEAST, MOST]) as (checkpoints, stage):
        stage.store({"a": 1, "b": 3})
        seen = [(suite, len(checkpoints.run(suite, "Monday").results)) for suite in ((LEAST,), (LEAST, MOST), (LEAST,), ())]
        assert [count for _, count in seen] == [1, 2, 1, 0]
        assert len(checkpoints._made) == 3


def test_the_result_names_what_it_is_about(staging: Path) -> None:
    with opened(staging, [LEAST]) as (checkpoints, stage):
        stage.store({"a": 1})
        outcome = checkpoints.run((LEAST,), "Monday")
    assert outcome.success
    assert outcome.meta["run_id"].run_name == "Monday"
