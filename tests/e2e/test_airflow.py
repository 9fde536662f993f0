"""`nightcast up` for real: Airflow's scheduler on SQLite runs the three DAGs; the stages themselves are stood in for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from pipeline import clock, profiles
from pipeline.errors import Unreachable
from pipeline.services.airflow_api import AirflowApi, Refused, RunFailed
from pipeline.services.airflow_home import airflow_python
from pipeline.services.http import answers

STAND_IN = Path(__file__).with_name("stand_in.py")
TRAININGS = ("train_baselines", "train_gbdt", "train_sequence")
LANES = {f"{target}.{stage}" for target in ("purchase_7d", "churn_28d") for stage in (*TRAININGS, "evaluate", "promote")}


def _airflow_is_missing() -> bool:
    try:
        airflow_python()
    except Unreachable:
        return True
    return False


pytestmark = pytest.mark.skipif(_airflow_is_missing(), reason="no .venv-airflow here: run `make setup`")


@dataclass
class Stack:
    """A running `nightcast up`."""

    process: subprocess.Popen[str]
    folder: Path
    output: Path
    addresses: dict[str, str]
    api: AirflowApi

    def calls(self) -> list[dict[str, list[str]]]:
        """What the stand-in was called with since the last look, in order."""
        noted = self.folder / "calls"
        lines = noted.read_text(encoding="utf-8").splitlines()
        noted.unlink()
        return [json.loads(line) for line in lines]

    def run(self, dag: str, parameters: dict[str, object]) -> dict[str, str]:
        """Run a DAG to its end; the state of each task."""
        run = self.api.trigger(dag, parameters)
        states: dict[str, str] = {}
        self.api.follow(dag, run, seconds=300, changed=lambda _, task: states.update({task.name: task.state}))
        return states


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("shop")
    config, output = folder / "nightcast.toml", folder / "output"
    profiles.write("demo", config)
    environment = {**os.environ, "NIGHTCAST_PYTHON": str(STAND_IN), "CANARY_SECRET": "tweet"}
    began = clock.now()
    with output.open("w", encoding="utf-8") as file:
        line = [sys.executable, "-m", "pipeline", "up", "--config", str(config)]
        process = subprocess.Popen(line, env=environment, stdout=file, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 300
        while "Ctrl-C" not in (said := output.read_text(encoding="utf-8")):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        addresses = dict(re.findall(r"^(Airflow|MLflow|Data Docs)\s+(http://127\.0\.0\.1:\d+)", said, re.MULTILINE))
        password = json.loads((folder / ".nightcast" / "airflow" / "passwords.json").read_text(encoding="utf-8"))["admin"]
        api = AirflowApi(addresses["Airflow"], "admin", password)
        while not all(api.parsed_since(dag, began) for dag in ("ingest", "train", "score")):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield Stack(process, folder, output, addresses, api)
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_all_three_answer_and_nothing_listens_beyond_loopback(stack: Stack) -> None:
    assert all(answers(stack.addresses[name]) for name in ("Airflow", "MLflow", "Data Docs"))
    family = psutil.Process(stack.process.pid).children(recursive=True)
    sockets = [socket for process in family for socket in process.net_connections(kind="tcp") if socket.status == psutil.CONN_LISTEN]
    assert {socket.laddr.ip for socket in sockets} == {"127.0.0.1"}
    assert len({socket.laddr.port for socket in sockets}) == 3


def test_ingest_takes_in_the_days_asked_for(stack: Stack) -> None:
    assert stack.run("ingest", {"from": "2026-01-01", "to": "2026-01-31"}) == {"ingest": "success"}
    (call,) = stack.calls()
    assert call["argv"][:5] == ["ingest", "--from", "2026-01-01", "--to", "2026-01-31"]
    assert call["secrets"] == []


@pytest.mark.parametrize("failing", ["", "ingest - 12\n"])
def test_the_ingest_task_links_to_its_report_also_when_the_day_was_refused(stack: Stack, failing: str) -> None:
    (stack.folder / "failing").write_text(failing, encoding="utf-8")
    run = stack.api.trigger("ingest", {"from": "2026-01-31", "to": "2026-01-31"})
    with pytest.raises(RunFailed) if failing else nullcontext():
        stack.api.follow("ingest", run, seconds=300, changed=lambda *_: None)
    (stack.folder / "failing").unlink()
    stack.calls()
    links = stack.api._get(f"/api/v2/dags/ingest/dagRuns/{quote(run)}/taskInstances/ingest/links")["extra_links"]
    assert links == {"Data Docs": f"{stack.addresses['Data Docs']}/validations/events/2026-01-31/gate/report.html"}


def test_train_runs_every_lane_in_order(stack: Stack) -> None:
    assert stack.run("train", {"cutoff": "2026-07-16"}) == dict.fromkeys({"build_features", "check_leaks", *LANES}, "success")
    calls = [call["argv"] for call in stack.calls()]
    assert calls[0][:4] == ["build-features", "--training", "--cutoff", "2026-07-16"]
    for target in ("purchase_7d", "churn_28d"):
        lane = [argv[0] for argv in calls if target in argv]
        assert sorted(lane[:3]) == ["train-baselines", "train-gbdt", "train-sequence"]
        assert lane[3:] == ["evaluate", "promote"]
    assert not any("--dry-run" in argv for argv in calls)


def test_score_ends_with_publish_and_its_result_is_kept(stack: Stack) -> None:
    run = stack.api.trigger("score", {"cutoff": "2026-07-16"})
    stack.api.follow("score", run, seconds=300, changed=lambda *_: None)
    assert [call["argv"][0] for call in stack.calls()] == ["build-features", "score", "publish"]
    assert stack.api.result("score", run, "publish") == {"stage": "publish", "target": "-"}


def test_a_failed_lane_leaves_the_other_alone_and_the_run_red(stack: Stack) -> None:
    (stack.folder / "failing").write_text("train-gbdt churn_28d 17\n", encoding="utf-8")
    run = stack.api.trigger("train", {"cutoff": "2026-07-16", "dry_run": True})
    with pytest.raises(RunFailed, match=r"failed in churn_28d\.train_gbdt(?s:.*)train-gbdt of churn_28d was told to fail"):
        stack.api.follow("train", run, seconds=300, changed=lambda *_: None)
    (stack.folder / "failing").unlink()
    tasks = {task.name: (task.state, task.tries) for task in stack.api.tasks("train", run)}
    assert tasks["churn_28d.train_gbdt"] == ("failed", 1)  # 17 is no code that a second try mends
    assert {tasks[f"churn_28d.{stage}"][0] for stage in ("evaluate", "promote")} == {"upstream_failed"}
    assert tasks["purchase_7d.promote"][0] == "success"
    (promote,) = [call["argv"] for call in stack.calls() if call["argv"][0] == "promote"]
    assert "--dry-run" in promote


@pytest.mark.parametrize(
    ("dag", "given"), [("train", {"cutoff": "16.7.2026"}), ("ingest", {"from": "; rm -rf /"}), ("train", {"dry_run": 1})]
)
def test_impossible_parameters_start_nothing(stack: Stack, dag: str, given: dict[str, object]) -> None:
    with pytest.raises(Refused, match="Invalid input for param"):
        stack.api.trigger(dag, given)


def test_secrets_stay_out_of_output_and_logs_and_sigterm_leaves_nothing_running(stack: Stack) -> None:
    """Last: it ends the services."""
    family = psutil.Process(stack.process.pid).children(recursive=True)
    stack.process.terminate()
    assert stack.process.wait(timeout=60) == 0
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    home = stack.folder / ".nightcast" / "airflow"
    password = json.loads((home / "passwords.json").read_text(encoding="utf-8"))["admin"]
    secrets = [password, *((home / name).read_text(encoding="utf-8") for name in ("jwt_secret", "api_secret", "fernet_key"))]
    logs = [path for path in (stack.folder / ".nightcast").rglob("*.log") if path.is_file()]
    assert len(logs) > 10
    for path in (*logs, stack.output):
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [secret for secret in secrets if secret in text], path
