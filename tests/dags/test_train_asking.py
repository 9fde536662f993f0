"""The train DAG where a person is asked before a champion changes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG, TriggerRule
from airflow.serialization.serialized_objects import DagSerialization

from pipeline.orchestration.approval import Approval

TARGETS = ("buys", "leaves", "spends")

Dags = dict[str, DAG]


def test_every_lane_proposes_asks_and_then_promotes(asking: Dags) -> None:
    train = asking["train"]
    for target in TARGETS:
        order = [train.get_task(f"{target}.{stage}") for stage in ("evaluate", "propose", "approve", "promote")]
        assert [task.downstream_task_ids for task in order] == [*({after.task_id} for after in order[1:]), set()]
    assert {task.trigger_rule for task in train.tasks} == {TriggerRule.ALL_SUCCESS}


def test_a_proposal_changes_nothing_whatever_the_parameters(asking: Dags, config: Path) -> None:
    for target in TARGETS:
        argv = asking["train"].get_task(f"{target}.propose").argv
        assert argv[3:] == ["promote", "--target", target, "--cutoff", "{{ cutoff() }}", "--dry-run", "--config", str(config), "--json"]


def test_the_question_is_documented_owned_and_bounded_and_the_run_waits_for_it(asking: Dags) -> None:
    train = asking["train"]
    for target in TARGETS:
        task = train.get_task(f"{target}.approve")
        assert isinstance(task, Approval)
        assert (task.owner, task.retries) == ("nightcast", 2)
        assert task.on_failure_callback
        assert "nightcast promote" in (task.doc_md or "")
        assert (task.response_timeout, task.execution_timeout, task.defaults) == (timedelta(hours=36), None, ["Reject"])
        assert list(task.serialized_params) == ["reason"]
    assert train.dagrun_timeout == timedelta(hours=12 + 36)


def test_other_dags_ask_nobody(asking: Dags) -> None:
    assert not [task for name in ("ingest", "score") for task in asking[name].tasks if isinstance(task, Approval)]


def test_the_scheduler_can_store_it(asking: Dags) -> None:
    stored = DagSerialization.to_dict(asking["train"])
    assert {task["__var"]["task_id"] for task in stored["dag"]["tasks"]} == set(asking["train"].task_ids)


@pytest.mark.parametrize("word", ["propose", "approve", "promote", "Reject", "approval_hours", "nightcast rollback"])
def test_the_run_book_says_what_the_lane_asks(asking: Dags, word: str) -> None:
    assert word in asking["train"].doc_md.partition("## When a person has to agree")[2].partition("## When a task fails")[0]
