"""A process that publishes one made-up night: what the fault tests run beside themselves, and kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.warehouse import open_warehouse
from tests.warehouse.engines import config_at
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores

ROOT = Path(__file__).resolve().parents[2]
DIE_AT = ROOT / "tests" / "faults" / "die_at.py"
OLD, NEW = 400, 500
"""Users of the night before and of the night published over it."""


def publish(config: Config, users: int, run_id: str, patience: float = 60.0) -> str:
    """Publish `users` scores under this run; the checksum read back."""
    rows = scores(users, users // 100, seed=users, run_id=run_id)
    with open_warehouse(config, patience=patience) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows, run_id=run_id))
        return warehouse.checksum(TARGET, CUTOFF)


def main(argv: list[str]) -> int:
    """`folder url run=users…`: publish each run in turn."""
    config = config_at(Path(argv[0]), argv[1])
    for run in argv[2:]:
        run_id, users = run.split("=")
        publish(config, int(users), run_id)
    return 0


def started(config: Config, runs: Mapping[str, int], die_at: str = "") -> subprocess.Popen[str]:
    """A process that publishes these runs, each with so many users, one after the other; killed at the step if one is given."""
    step = [die_at] if die_at else []
    words = [str(config.root), config.warehouse.url, *(f"{run_id}={users}" for run_id, users in runs.items())]
    return subprocess.Popen(
        [sys.executable, str(DIE_AT), *step, "--", "tests.faults.publisher:main", *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 90) -> int:
    """Exit code of the process, which must be done or killed."""
    said = process.communicate(timeout=seconds)[1]
    assert process.returncode in {0, -9}, said[-3000:]
    return process.returncode


def night(config: Config) -> dict[str, Any]:
    """How many rows each table of the night has, and of which runs."""
    with open_warehouse(config) as warehouse:
        counts = {
            name: warehouse.query(f"SELECT count(*) AS n FROM {name}")["n"][0].as_py()
            for name in ("user_scores", "refused_users", "score_runs")
        }
        runs = warehouse.query("SELECT run_id FROM user_scores UNION SELECT run_id FROM score_runs")["run_id"].to_pylist()
    return {**counts, "runs": runs}


def whole(users: int, run_id: str) -> dict[str, Any]:
    """What `night` finds after `users` were published undisturbed."""
    return {"user_scores": users, "refused_users": users // 100, "score_runs": 1, "runs": [run_id]}
