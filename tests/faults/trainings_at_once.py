"""Processes that begin and end a training at the same instant, in one MLflow store that may be fresh.

    python tests/faults/trainings_at_once.py CONFIG.json gbdt sequence recency

Each word is the kind of a model; its process leaves a run and a version of that kind. MLflow is loaded once, before they are forked,
so that they meet in the store and not in their imports. The exit code is the number of processes that failed.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
import tempfile
from pathlib import Path
from typing import Protocol

FORK = multiprocessing.get_context("fork")
TARGET = "purchase_7d"
AS_OF = "20260601T000000Z"
PICTURE = b"\x89PNG\r\n\x1a\n"


class Meeting(Protocol):
    """Where all wait for the last, as at a `threading.Barrier`."""

    def wait(self) -> int: ...


def content(kind: str) -> bytes:
    """What the scorer's file of that kind holds."""
    return f'{{"kind": "{kind}"}}'.encode()


def train(config_json: str, kind: str, start: Meeting) -> None:
    """All that a training says to MLflow."""
    from features.cutoff import Cutoff
    from pipeline.config import Config
    from pipeline.tracking import registry, runs
    from pipeline.tracking.registry import Candidate, Card

    config, as_of = Config.model_validate_json(config_json), Cutoff.from_key(AS_OF)
    candidate = Candidate(kind, as_of, as_of.plus_days(-14), as_of.plus_days(-7), "f" * 64, hashlib.sha256(content(kind)).hexdigest())
    start.wait()
    parent = runs.training(config, TARGET, as_of)
    with runs.opened(config, TARGET, f"{kind} 2026-06-01", {"kind": kind, "cutoff": AS_OF}, parent=parent) as run:
        run.params({f"p{number}": number for number in range(50)})
        run.history({"held_out_log_loss": [1 / step for step in range(1, 101)]})
        run.picture("roc", PICTURE)
        run.table("leak_check.json", {"checks": []})
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "manifest.json").write_bytes(content(kind))
            registry.register(config, TARGET, run, Path(folder), candidate, Card(kind, {"auc": 0.75}))


def main(config_json: str, kinds: list[str]) -> int:
    """Fork one process for each kind, let them go together, and wait."""
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 – loaded before the fork

    import pipeline.tracking.registry  # noqa: F401

    start = FORK.Barrier(len(kinds))
    processes = [FORK.Process(target=train, args=(config_json, kind, start)) for kind in kinds]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(process.exitcode != 0 for process in processes)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.exit(main(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2:]))
