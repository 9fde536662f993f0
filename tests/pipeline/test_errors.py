from __future__ import annotations

import pipeline.errors as errors
from pipeline.errors import RETRYABLE_EXIT_CODES, Busy, NightcastError, Unreachable, ValidationFailed, WorkersLost

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, NightcastError)]


def test_every_kind_has_its_own_exit_code_and_none_is_the_usage_error() -> None:
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes
    assert 2 not in codes


def test_the_tree_in_the_module_docstring_is_complete() -> None:
    assert errors.__doc__ is not None
    drawn = dict(
        line.split()[:2] if line.startswith("    N") else line.split()[1:3]
        for line in errors.__doc__.splitlines()
        if line.startswith("    ")
    )
    assert drawn == {kind.__name__: str(kind.exit_code) for kind in KINDS}


def test_a_retry_helps_only_where_the_world_may_change() -> None:
    assert {kind.exit_code for kind in (Unreachable, Busy, WorkersLost)} == RETRYABLE_EXIT_CODES
    assert ValidationFailed.exit_code not in RETRYABLE_EXIT_CODES


def test_the_mend_stands_below_the_message() -> None:
    assert str(NightcastError("it broke", mend="mend it")) == "it broke\n  → mend it"
    assert str(NightcastError("it broke")) == "it broke"
