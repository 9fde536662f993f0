"""`nightcast demo` as a person runs it: a real Airflow, the real stages; twice, with the same scores and nothing left running."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import psutil
import pytest

from pipeline.demo_results import NAMES
from tests.night import Project

ROOT = Path(__file__).parents[2]
USERS, DAYS = 800, 140


def demo(folder: Path) -> str:
    words = ["demo", "--folder", str(folder), "--users", str(USERS), "--days", str(DAYS)]
    done = subprocess.run([sys.executable, "-m", "pipeline", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".venv-airflow/bin/airflow").exists(), reason="no .venv-airflow: run `make setup`")
@pytest.mark.timeout(1800)
def test_the_demo_shows_models_beside_baselines_and_a_second_one_ends_in_the_same_scores(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    said = demo(folder)
    assert [word for word in ("purchase_7d", "churn_28d", *NAMES.values(), "nightcast up", "user_scores") if word not in said] == []
    project = Project(folder, date(2026, 1, 1), DAYS)
    scored = project.rows("SELECT target, scored FROM score_runs ORDER BY target")
    assert [row["target"] for row in scored] == ["churn_28d", "purchase_7d"]
    assert all(row["scored"] > 0 for row in scored)
    before = project.checksums()
    demo(folder)
    assert project.checksums() == before
    assert [process.pid for process in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(process.info["cmdline"] or [])] == []
