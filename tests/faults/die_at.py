"""Run a command that is killed at a chosen step.

    python tests/faults/die_at.py pipeline.warehouse.duckdb:DuckDBWarehouse.commit:before -- publish --cutoff 2026-03-02
    python tests/faults/die_at.py pipeline.warehouse.sql:SqlWarehouse.remove:after:2 -- tests.faults.publisher:main night.toml

The step is `module:function` or `module:Class.method`, then `before` or `after`, then which of its calls (1 unless given). The
process sends itself SIGKILL there: no handler, no `finally`, no flush. After `--` comes a `nightcast` command line, or a
`module:function` that is called with the remaining words; either one's exit code is passed on if the step is never reached.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def die() -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str, deed: Callable[[], object] = die) -> None:
    """Replace the function named by `step` by one that does the deed (kills this process) before or after the real one."""
    module, path, moment, *turn = step.split(":")
    if moment not in {"before", "after"}:
        raise ValueError(f"'{moment}' in '{step}' is neither before nor after")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    kept = owner.__dict__.get(name)  # a static or class method stays one
    whole = kept.__func__ if isinstance(kept, classmethod | staticmethod) else getattr(owner, name)
    armed = _armed(whole, moment, int(turn[0]) if turn else 1, deed)
    setattr(owner, name, type(kept)(armed) if isinstance(kept, classmethod | staticmethod) else armed)


def _armed(whole: Callable[..., Any], moment: str, turn: int, deed: Callable[[], object]) -> Callable[..., Any]:
    calls = count(1)

    @functools.wraps(whole)
    def armed(*words: Any, **named: Any) -> Any:
        now = next(calls) == turn
        if now and moment == "before":
            deed()
        result = whole(*words, **named)
        if now and moment == "after":
            deed()
        return result

    return armed


def main(argv: list[str]) -> int:
    """Arm every step named before `--`, then run what follows it."""
    split = argv.index("--")
    for step in argv[:split]:
        arm(step)
    command = argv[split + 1 :]
    if ":" in command[0]:
        module, name = command[0].split(":")
        return int(getattr(importlib.import_module(module), name)(command[1:]))
    return int(importlib.import_module("pipeline.cli").main(command))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
