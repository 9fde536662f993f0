"""Airflow's REST API, as much of it as starting a run and following it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request

from pipeline import clock
from pipeline.errors import NightcastError, Unreachable
from pipeline.services.http import open_direct

TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 1.0
ENDED = frozenset({"success", "failed"})
CONFLICT = 409
TAIL_LINES = 30


class RunFailed(NightcastError):
    """A DAG run ended as failed, or not at all in the time it was given."""


class Refused(RunFailed):
    """Airflow understood the request and will not do it; `code` is the HTTP status."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class _ServerError(Unreachable):
    """An answer of 500 or above."""


@dataclass(frozen=True)
class Task:
    """A task instance at one moment; `seconds` is how long it has run or ran, None before it starts."""

    name: str
    state: str
    seconds: float | None
    tries: int


class AirflowApi:
    """A signed-in client. Every call is bounded in time; one that Airflow answers with 500 is repeated once."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address, self._user, self._password, self._token = address, user, password, ""

    def healthy(self) -> bool:
        """Whether scheduler, DAG processor and database are; False while nothing answers."""
        try:
            found = self._send("GET", "/api/v2/monitor/health", signed=False)
        except Unreachable:
            return False
        return all(found.get(part, {}).get("status") == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def parsed_since(self, dag: str, instant: datetime) -> bool:
        """Whether the DAG's file has been read since `instant`. Raises RunFailed if a DAG file cannot be imported."""
        if errors := self._get("/api/v2/importErrors").get("import_errors"):
            raise RunFailed(f"{errors[0]['filename']} cannot be imported:\n{errors[0]['stack_trace']}")
        dags = self._get("/api/v2/dags?limit=100")["dags"]
        return any(found["dag_id"] == dag and datetime.fromisoformat(found["last_parsed_time"]) >= instant for found in dags)

    def trigger(self, dag: str, parameters: Mapping[str, object]) -> str:
        """Start a run by hand; its run id. Raises Refused with Airflow's sentence if it refuses the parameters."""
        run = f"manual__{clock.now().isoformat()}"
        try:
            self._send("POST", f"/api/v2/dags/{dag}/dagRuns", {"dag_run_id": run, "logical_date": None, "conf": dict(parameters)})
        except Refused as refused:
            if refused.code != CONFLICT:  # there it is: the first of two calls took effect
                raise
        return run

    def follow(self, dag: str, run: str, *, seconds: float, changed: Callable[[list[Task], Task], None]) -> None:
        """Wait for the end of a run, telling `changed` (all tasks, this task) of each change of a task's state.

        Raises RunFailed with the end of the failed task's log, or if the run takes longer than `seconds`.
        """
        deadline, known = time.monotonic() + seconds, dict[str, str]()
        while True:
            state = self._get(f"{_run(dag, run)}")["state"]  # before the tasks, so that the last look at them is complete
            tasks = self.tasks(dag, run)
            for task in tasks:
                if known.get(task.name) != task.state:
                    known[task.name] = task.state
                    changed(tasks, task)
            if state in ENDED:
                break
            if time.monotonic() > deadline:
                raise RunFailed(f"Run {run} of DAG {dag} has not ended after {seconds:.0f} s", mend="see its tasks in Airflow: `make up`")
            time.sleep(POLL_SECONDS)
        if state == "failed":
            raise RunFailed("\n".join(self._failures(dag, run, tasks)))

    def tasks(self, dag: str, run: str) -> list[Task]:
        """The run's tasks as they are now, in the order in which they start."""
        found = self._get(f"{_run(dag, run)}/taskInstances?limit=1000")["task_instances"]
        found.sort(key=lambda task: (task["start_date"] is None, task["start_date"] or "", task["task_id"]))
        return [Task(task["task_id"], task["state"] or "waiting", task["duration"], task["try_number"]) for task in found]

    def result(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """The JSON object that a finished task returned."""
        value = self._get(f"{_run(dag, run)}/taskInstances/{quote(task)}/xcomEntries/return_value?deserialize=true")["value"]
        return dict(value) if isinstance(value, Mapping) else dict(json.loads(value))

    def log_tail(self, dag: str, run: str, task: Task) -> str:
        """The last lines of the log of a task's last try."""
        path = f"{_run(dag, run)}/taskInstances/{quote(task.name)}/logs/{max(task.tries, 1)}?full_content=true"
        entries = self._get(path).get("content", [])
        return "\n".join(list(_log_lines(entries))[-TAIL_LINES:])

    def _failures(self, dag: str, run: str, tasks: list[Task]) -> Iterator[str]:
        failed = [task for task in tasks if task.state == "failed"]
        yield f"Run {run} of DAG {dag} failed" + (f" in {', '.join(task.name for task in failed)}" if failed else " before any task ran")
        for task in failed:
            yield f"── the end of {task.name}'s log ──\n{self.log_tail(dag, run, task)}"

    def _get(self, path: str) -> dict[str, Any]:
        return self._send("GET", path)

    def _send(self, method: str, path: str, body: object = None, *, signed: bool = True) -> dict[str, Any]:
        if signed and not self._token:
            credentials = {"username": self._user, "password": self._password}
            self._token = str(self._send("POST", "/auth/token", credentials, signed=False)["access_token"])
        try:
            return self._once(method, path, body, signed)
        except _ServerError:  # SQLite under load; the call may or may not have taken effect
            time.sleep(POLL_SECONDS)
            return self._once(method, path, body, signed)

    def _once(self, method: str, path: str, body: object, signed: bool) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if signed:
            headers["Authorization"] = f"Bearer {self._token}"
        payload = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._address}{path}", payload, headers, method=method)  # noqa: S310 – our own http://127.0.0.1
        try:
            with open_direct(request, TIMEOUT_SECONDS) as answer:
                return dict(json.load(answer))
        except HTTPError as refusal:
            said = f"Airflow answered {method} {path} with {refusal.code} {_detail(refusal)}"
            raise (_ServerError(said) if refusal.code >= 500 else Refused(said, refusal.code)) from refusal
        except (OSError, HTTPException, json.JSONDecodeError) as error:
            raise Unreachable(f"Airflow at {self._address} does not answer: {error}") from error


def _run(dag: str, run: str) -> str:
    return f"/api/v2/dags/{quote(dag)}/dagRuns/{quote(run, safe='')}"


def _detail(refusal: HTTPError) -> str:
    try:
        return str(json.load(refusal).get("detail", ""))
    except (OSError, json.JSONDecodeError, AttributeError):
        return ""


def _log_lines(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        line = entry if isinstance(entry, str) else str(entry.get("event", ""))
        if not line.startswith(("::group::", "::endgroup::")):
            yield line
