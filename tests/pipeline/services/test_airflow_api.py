from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.errors import Unreachable
from pipeline.services import airflow_api
from pipeline.services.airflow_api import AirflowApi, Refused, RunFailed, Task

RUN = "/api/v2/dags/train/dagRuns/r%2B1"
TASKS = f"{RUN}/taskInstances?limit=1000"


@pytest.fixture
def api(script: Any, monkeypatch: pytest.MonkeyPatch) -> AirflowApi:
    monkeypatch.setattr(airflow_api, "POLL_SECONDS", 0.01)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy that does not answer must not matter
    return AirflowApi(script.address, "admin", "secret")


def instance(name: str, state: str | None, start: str | None = None, tries: int = 1) -> dict[str, object]:
    return {"task_id": name, "state": state, "duration": 1.5 if start else None, "try_number": tries, "start_date": start}


def test_it_signs_in_once_and_signs_every_call(script: Any, api: AirflowApi) -> None:
    script.answers["GET", TASKS] = [(200, {"task_instances": []})]
    api.tasks("train", "r+1")
    api.tasks("train", "r+1")
    assert script.asked[0] == ("POST", "/auth/token", {"username": "admin", "password": "secret"}, None)
    assert [asked[3] for asked in script.asked[1:]] == ["Bearer token"] * 2


@pytest.mark.parametrize("sick", ["metadatabase", "scheduler", "dag_processor", None])
def test_healthy_takes_database_scheduler_and_dag_processor(script: Any, api: AirflowApi, sick: str | None) -> None:
    parts = ("metadatabase", "scheduler", "dag_processor")
    script.answers["GET", "/api/v2/monitor/health"] = [
        (200, {part: {"status": "unhealthy" if part == sick else "healthy"} for part in parts} | {"triggerer": {"status": None}})
    ]
    assert api.healthy() is (sick is None)


def test_nothing_there_is_not_healthy_and_every_other_call_says_so() -> None:
    nobody = AirflowApi("http://127.0.0.1:9", "admin", "secret")
    assert nobody.healthy() is False
    with pytest.raises(Unreachable, match="does not answer"):
        nobody.tasks("train", "r+1")


def test_a_run_is_started_by_hand_with_its_parameters(script: Any, api: AirflowApi) -> None:
    script.answers["POST", "/api/v2/dags/train/dagRuns"] = [(200, {})]
    run = api.trigger("train", {"cutoff": "2026-11-10"})
    assert script.asked[-1][2] == {"dag_run_id": run, "logical_date": None, "conf": {"cutoff": "2026-11-10"}}


def test_a_500_is_repeated_once_and_a_run_that_is_there_then_is_not_an_error(script: Any, api: AirflowApi) -> None:
    script.answers["POST", "/api/v2/dags/train/dagRuns"] = [(500, {"detail": "Database error"}), (409, {"detail": "exists"})]
    api.trigger("train", {})
    first, second = (asked[2]["dag_run_id"] for asked in script.asked if asked[1].endswith("dagRuns"))
    assert first == second


def test_a_second_500_is_an_error(script: Any, api: AirflowApi) -> None:
    script.answers["GET", TASKS] = [(500, {"detail": "Database error"})]
    with pytest.raises(Unreachable, match="500 Database error"):
        api.tasks("train", "r+1")
    assert len([asked for asked in script.asked if asked[0] == "GET"]) == 2


def test_refused_parameters_pass_on_what_airflow_says(script: Any, api: AirflowApi) -> None:
    script.answers["POST", "/api/v2/dags/train/dagRuns"] = [(400, {"detail": "Invalid input for param cutoff"})]
    with pytest.raises(Refused, match="Invalid input for param cutoff"):
        api.trigger("train", {"cutoff": "x"})


def test_following_tells_each_change_of_state_once(script: Any, api: AirflowApi) -> None:
    script.answers["GET", RUN] = [(200, {"state": state}) for state in ("queued", "running", "running", "success")]
    script.answers["GET", TASKS] = [
        (200, {"task_instances": [instance("b", None), instance("a", "running", "2026-01-01T00:00:01Z")]}),
        (200, {"task_instances": [instance("b", None), instance("a", "success", "2026-01-01T00:00:01Z")]}),
        (200, {"task_instances": [instance("b", "success", "2026-01-01T00:00:02Z"), instance("a", "success", "2026-01-01T00:00:01Z")]}),
    ]
    told: list[tuple[str, str]] = []
    api.follow("train", "r+1", seconds=20, changed=lambda _tasks, task: told.append((task.name, task.state)))
    assert told == [("a", "running"), ("b", "waiting"), ("a", "success"), ("b", "success")]


def test_a_failed_run_ends_with_the_log_of_the_failed_task(script: Any, api: AirflowApi) -> None:
    script.answers["GET", RUN] = [(200, {"state": "failed"})]
    failed = [instance("a", "failed", "2026-01-01T00:00:01Z", tries=3), instance("b", "upstream_failed")]
    script.answers["GET", TASKS] = [(200, {"task_instances": failed})]
    log = [{"event": "::group::Log"}, *({"event": f"line {line}"} for line in range(100)), {"event": "exit code 13"}]
    script.answers["GET", f"{RUN}/taskInstances/a/logs/3?full_content=true"] = [(200, {"content": log})]
    with pytest.raises(RunFailed) as said:
        api.follow("train", "r+1", seconds=20, changed=lambda *_: None)
    lines = str(said.value).splitlines()
    assert lines[0] == "Run r+1 of DAG train failed in a"
    assert lines[-2:] == ["line 99", "exit code 13"]
    assert "line 10" not in lines


def test_a_run_that_does_not_end_is_given_up(script: Any, api: AirflowApi) -> None:
    script.answers["GET", RUN] = [(200, {"state": "running"})]
    script.answers["GET", TASKS] = [(200, {"task_instances": []})]
    with pytest.raises(RunFailed, match="has not ended after 0 s"):
        api.follow("train", "r+1", seconds=0.05, changed=lambda *_: None)


def test_a_dag_counts_as_parsed_only_since_the_instant(script: Any, api: AirflowApi) -> None:
    script.answers["GET", "/api/v2/importErrors"] = [(200, {"import_errors": []})]
    script.answers["GET", "/api/v2/dags?limit=100"] = [(200, {"dags": [{"dag_id": "train", "last_parsed_time": "2026-01-01T10:00:00Z"}]})]
    assert api.parsed_since("train", datetime(2026, 1, 1, 9, tzinfo=UTC))
    assert not api.parsed_since("train", datetime(2026, 1, 1, 11, tzinfo=UTC))
    assert not api.parsed_since("score", datetime(2026, 1, 1, 9, tzinfo=UTC))


def test_a_dag_file_that_cannot_be_imported_ends_the_waiting(script: Any, api: AirflowApi) -> None:
    errors = [{"filename": "train.py", "stack_trace": "ValueError: schedule.ingest has to fire once a day"}]
    script.answers["GET", "/api/v2/importErrors"] = [(200, {"import_errors": errors})]
    with pytest.raises(RunFailed, match=r"train\.py cannot be imported(?s:.*)once a day"):
        api.parsed_since("train", datetime(2026, 1, 1, tzinfo=UTC))


def test_results_come_as_objects(script: Any, api: AirflowApi) -> None:
    path = f"{RUN}/taskInstances/buys.evaluate/xcomEntries/return_value?deserialize=true"
    script.answers["GET", path] = [(200, {"value": {"rows": 7}}), (200, {"value": '{"rows": 7}'})]
    assert api.result("train", "r+1", "buys.evaluate") == {"rows": 7}
    assert api.result("train", "r+1", "buys.evaluate") == {"rows": 7}


def test_tasks_are_in_the_order_in_which_they_start(script: Any, api: AirflowApi) -> None:
    script.answers["GET", TASKS] = [(200, {"task_instances": [instance("z", None), instance("a", "running", "2026-01-01T00:00:01Z")]})]
    assert api.tasks("train", "r+1") == [Task("a", "running", 1.5, 1), Task("z", "waiting", None, 1)]
