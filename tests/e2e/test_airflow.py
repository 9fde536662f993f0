"""`nightcast up` for real: Airflow's scheduler on SQLite runs the three DAGs; the stages themselves are stood in for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from urllib.parse import quote

import psutil
import pytest

from pipeline import profiles
from pipeline.services.airflow_api import Refused, RunFailed
from pipeline.services.http import answers
from tests.e2e.running_stack import Stack, needs_airflow, running

TRAININGS = ("train_baselines", "train_gbdt", "train_sequence")
LANES = {f"{target}.{stage}" for target in ("purchase_7d", "churn_28d") for stage in (*TRAININGS, "evaluate", "promote")}


pytestmark = needs_airflow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    config = tmp_path_factory.mktemp("shop") / "nightcast.toml"
    profiles.write("demo", config)
    with running(config) as found:
        yield found


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


def test_score_ends_with_publish_and_its_result_is_kept_and_told(stack: Stack) -> None:
    run = stack.api.trigger("score", {"cutoff": "2026-07-16"})
    stack.api.follow("score", run, seconds=300, changed=lambda *_: None)
    assert [call["argv"][0] for call in stack.calls()] == ["build-features", "score", "publish"]
    published = {"stage": "publish", "target": "-"}
    assert stack.api.result("score", run, "publish") == published
    (event,) = stack.api._get("/api/v2/assets/events?source_dag_id=score")["asset_events"]
    assert (event["name"], event["uri"], event["source_run_id"]) == ("user_scores", "nightcast://warehouse/user_scores", run)
    assert event["extra"].items() >= published.items()


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
