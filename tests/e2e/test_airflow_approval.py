"""A person is asked in Airflow before a champion changes: the real scheduler waits for the answer; the stages are stood in for."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from pipeline import profiles
from pipeline.services.airflow_api import Refused
from tests.e2e.running_stack import Stack, needs_airflow, running

pytestmark = [needs_airflow, pytest.mark.slow]

STAYS = {
    "target": "churn_28d",
    "as_of": "2026-07-16T00:00:00Z",
    "promoted": False,
    "version": "4",
    "champion": "2",
    "reasons": ["version 4 (gbdt) is not promoted: champion version 2 (gbdt) stays"],
    "gates": [{"gate": "lead", "verdict": "failed", "numbers": "0.001 [-0.004, 0.006]"}],
}
MOVES = {
    **STAYS,
    "target": "purchase_7d",
    "promoted": True,
    "version": "3",
    "reasons": ["version 3 (gbdt) replaces champion version 2 (gbdt)", "the paired difference is 0.02 [0.01, 0.03]"],
    "gates": [{"gate": "lead", "verdict": "passed", "numbers": "0.02 [0.01, 0.03]"}],
}
ASKED = "purchase_7d.approve"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    config = tmp_path_factory.mktemp("shop") / "nightcast.toml"
    profiles.write("demo", config)
    text = config.read_text(encoding="utf-8")
    assert "[promotion]" not in text
    config.write_text(f'{text}\n[promotion]\napproval = "human"\n', encoding="utf-8")
    with running(config) as found:
        for says in (MOVES, STAYS):
            (found.folder / f"promote {says['target']}.json").write_text(json.dumps(says), encoding="utf-8")
        yield found


def asked(stack: Stack, run: str) -> dict[str, object]:
    """Wait for the question, and until the scheduler knows that the process which asked it has ended.

    Airflow 3.3 takes an answer in between, faster than any person's, for a killed task, and asks again a minute later.
    """
    deadline, log = time.monotonic() + 300, stack.folder / ".nightcast" / "airflow" / "logs" / "scheduler.log"
    parked = re.compile(rf"TaskInstance Finished: dag_id=train, task_id={ASKED}, run_id={re.escape(run)}, .* state=awaiting_input")
    while not parked.search(log.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline, {task.name: task.state for task in stack.api.tasks("train", run)}
        time.sleep(0.5)
    return stack.api._get(f"/api/v2/dags/train/dagRuns/{quote(run, safe='')}/hitlDetails")["hitl_details"][0]


def answer(stack: Stack, run: str, word: str, reason: str = "") -> None:
    place = f"/api/v2/dags/train/dagRuns/{quote(run, safe='')}/taskInstances/{ASKED}/-1/hitlDetails"
    stack.api._send("PATCH", place, {"chosen_options": [word], "params_input": {"reason": reason}})


def promotions(stack: Stack) -> dict[str, list[list[str]]]:
    """The options of `promote` after the cutoff, by target."""
    calls = [call["argv"] for call in stack.calls() if call["argv"][0] == "promote"]
    return {target: [argv[5:-3] for argv in calls if argv[2] == target] for target in ("purchase_7d", "churn_28d")}


def test_a_yes_promotes_the_version_that_was_shown_and_nothing_to_ask_goes_on_by_itself(stack: Stack) -> None:
    run = stack.api.trigger("train", {"cutoff": "2026-07-16"})
    question = asked(stack, run)
    assert question["subject"] == "purchase_7d: shall version 3 score from now on, instead of version 2?"
    assert "- the paired difference is 0.02 [0.01, 0.03]" in question["body"]
    assert "| lead | passed | 0.02 [0.01, 0.03] |" in question["body"]
    with pytest.raises(Refused):
        answer(stack, run, "Perhaps")
    answer(stack, run, "Approve")
    states = stack.states("train", run)
    assert set(states.values()) == {"success"}
    assert promotions(stack) == {
        "purchase_7d": [["--dry-run"], ["--expect-version=3"]],
        "churn_28d": [["--dry-run"], ["--expect-version=none"]],
    }


def test_a_no_goes_on_to_be_recorded_with_its_reason(stack: Stack) -> None:
    run = stack.api.trigger("train", {"cutoff": "2026-07-16"})
    asked(stack, run)
    answer(stack, run, "Reject", "too risky; $(id) {{ 7 * 7 }}")
    assert set(stack.states("train", run).values()) == {"success"}
    assert promotions(stack)["purchase_7d"] == [["--dry-run"], ["--declined=too risky; $(id) {{ 7 * 7 }}"]]


def test_no_answer_in_time_is_a_no(stack: Stack) -> None:
    """The hours that the question stands are cut short in Airflow's database."""
    run = stack.api.trigger("train", {"cutoff": "2026-07-16"})
    asked(stack, run)
    with sqlite3.connect(stack.folder / ".nightcast" / "airflow" / "airflow.db", timeout=60) as database:
        changed = database.execute(
            "UPDATE task_instance SET trigger_timeout = '2026-01-01 00:00:00' WHERE run_id = ? AND task_id = ?", (run, ASKED)
        )
        assert changed.rowcount == 1
    database.close()
    assert set(stack.states("train", run).values()) == {"success"}
    assert promotions(stack)["purchase_7d"] == [["--dry-run"], ["--declined=nobody answered in time"]]


def test_a_dry_run_asks_nobody(stack: Stack) -> None:
    states = stack.run("train", {"cutoff": "2026-07-16", "dry_run": True})
    assert set(states.values()) == {"success"}
    assert promotions(stack) == {target: [["--dry-run"], ["--dry-run"]] for target in ("purchase_7d", "churn_28d")}
