"""A whole night without Airflow: what people read at the end, and that doing it again, or being killed, changes nothing."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from pipeline.scoring.scorer import LOADERS
from tests.night import Project

TARGETS = ("churn_28d", "purchase_7d")
PATIENCE_S = 15.0


def test_every_eligible_user_is_scored_or_refused_with_a_reason(night: Project) -> None:
    runs = night.rows("SELECT target, eligible, scored, refused, model_version FROM score_runs ORDER BY target")
    assert tuple(run["target"] for run in runs) == TARGETS
    for run in runs:
        assert run["eligible"] == run["scored"] + run["refused"] > 100
        published = night.rows(
            f"SELECT count(*) AS n, count(DISTINCT model_version) AS versions FROM user_scores WHERE target = '{run['target']}'"
        )
        assert published == [{"n": run["scored"], "versions": 1}]


def test_scores_are_probabilities_with_reasons(night: Project) -> None:
    odd = night.rows(
        "SELECT count(*) AS n FROM user_scores WHERE NOT (score > 0 AND score < 1) OR reason_1 IS NULL OR decile NOT BETWEEN 1 AND 10"
    )
    assert odd == [{"n": 0}]
    means = night.rows("SELECT target, avg(score) AS mean FROM user_scores GROUP BY target ORDER BY target")
    assert all(0.02 < row["mean"] < 0.9 for row in means)


def test_both_models_and_every_baseline_were_judged_on_the_same_users(night: Project) -> None:
    judged = night.rows(
        "SELECT target, rows, count(*) AS models, max(value) AS best FROM model_quality "
        "WHERE metric = 'auc' AND slice = 'all' GROUP BY ALL ORDER BY target"
    )
    assert [(row["target"], row["models"]) for row in judged] == [(target, 6) for target in TARGETS]
    assert all(row["best"] > 0.55 for row in judged)


def test_scoring_and_publishing_again_leaves_the_same_rows(night: Project) -> None:
    before = night.checksums()
    night.run("score", "--cutoff", night.cutoff)
    night.run("publish", "--cutoff", night.cutoff)
    assert night.checksums() == before


def test_scoring_killed_anywhere_leaves_no_process_behind_and_a_rerun_ends_in_the_same_rows(night: Project, tmp_path: Path) -> None:
    project, before = night.copy(tmp_path / "killed"), night.checksums()
    pauses = random.Random(7)
    for _ in range(3):
        running = subprocess.Popen(
            project.command("score", "--cutoff", project.cutoff), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(pauses.uniform(1.0, 9.0))
        family = _family(running.pid)
        running.kill()
        running.wait()
        assert project.checksums() == before, "a reader saw something other than the old night"
        assert _gone(family), "processes of the killed run live on"
    project.run("score", "--cutoff", project.cutoff)
    project.run("publish", "--cutoff", project.cutoff)
    assert project.checksums() == before


def test_publishing_killed_anywhere_and_run_again_ends_in_the_same_rows(night: Project, tmp_path: Path) -> None:
    project, before = night.copy(tmp_path / "killed"), night.checksums()
    pauses = random.Random(11)
    for _ in range(4):
        running = subprocess.Popen(
            project.command("publish", "--cutoff", project.cutoff), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(pauses.uniform(0.2, 1.5))
        running.kill()
        running.wait()
        assert project.checksums() == before
    project.run("publish", "--cutoff", project.cutoff)
    assert project.checksums() == before


def test_status_and_doctor_tell_what_is_there(night: Project) -> None:
    status = night.result("status")
    assert {row["target"] for row in status["champions"]} == set(TARGETS)
    assert {row["kind"] for row in status["champions"]} <= set(LOADERS)
    assert len(status["score runs"]) == 2
    assert {row["state"] for row in night.result("doctor")["checks"]} == {"ok"}


@pytest.mark.parametrize("secret", ["u0"])
def test_no_user_id_reaches_mlflow(night: Project, secret: str) -> None:
    ids = {row["user_id"] for row in night.rows("SELECT user_id FROM user_scores LIMIT 50")}
    assert all(user.startswith(secret) for user in ids)
    files = [path for place in ("mlflow.db", "mlartifacts") for path in _files(night.folder / place)]
    assert files
    leaks = [str(path) for path in files if any(user.encode() in path.read_bytes() for user in ids)]
    assert leaks == []


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
