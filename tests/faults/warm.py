"""`nightcast` without its start-up: each command line runs in a child forked from a process that has loaded the heavy libraries.

The child is a process like any other: it can be killed, and it ends with the command's exit code. Only the seconds of importing
are saved, so that a kill at a random moment meets the work and not the imports.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.die_at import arm, die

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "pipeline.cli",
        "pipeline.stages.ingest",
        "pipeline.stages.quarantine",
        "pipeline.stages.promote",
        "pipeline.stages.rollback",
        "pipeline.stages.score",
        "pipeline.stages.publish",
        "pipeline.warehouse.duckdb",
        "pipeline.warehouse.postgresql",
        "tests.faults.warm_mlflow",
        "great_expectations",
        "great_expectations.expectations",
        "great_expectations.datasource.fluent",
        "great_expectations.render.renderer",
        "sqlalchemy",
        "psycopg",
    ]
)

PATIENCE_S = 120.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (-9: killed), and what it wrote."""

    code: int
    out: str
    said: str


@dataclass(frozen=True)
class Running:
    """A command at work."""

    process: multiprocessing.process.BaseProcess
    place: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    def kill(self) -> None:
        """End it at once: no handler, no `finally`, no flush."""
        self.process.kill()

    def ended(self) -> Ended:
        """Wait for its end. No command may ever end with a traceback."""
        self.process.join(PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(f"still at work after {PATIENCE_S:g} s:\n{self._text('err')[-3000:]}")
        said = self._text("err")
        assert "Traceback" not in said, said[-6000:]
        return Ended(self.process.exitcode, self._text("out"), said)

    def _text(self, kind: str) -> str:
        path = self.place.with_suffix(f".{kind}")
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def begin(
    argv: Sequence[str],
    place: Path,
    *,
    die_at: str = "",
    deeds: Mapping[str, Callable[[], object]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Start `nightcast argv…`; what it writes goes to `place` with the suffixes .out and .err.

    `deeds` are done in it at the steps that they are named by; `die_at` is one at which it is killed (`tests.faults.die_at`).
    """
    armed = {**(deeds or {}), **({die_at: die} if die_at else {})}
    process = FORKS.Process(target=_child, args=(list(argv), str(place), armed, dict(environment or {})))
    process.start()
    return Running(process, place)


def _child(argv: list[str], place: str, deeds: Mapping[str, Callable[[], object]], environment: Mapping[str, str]) -> None:
    for kind, number in (("out", 1), ("err", 2)):
        with Path(f"{place}.{kind}").open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(environment)
    tempfile.tempdir = None  # asks the environment again
    for step, deed in deeds.items():
        arm(step, deed)
    from pipeline.cli import main

    sys.exit(main(argv))
