from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from pipeline.orchestration import approval
from pipeline.orchestration.approval import Approval, approval_macros

BETTER: dict[str, Any] = {
    "target": "buys",
    "as_of": "2026-04-11",
    "promoted": True,
    "version": "3",
    "champion": "1",
    "reasons": ["version 3 (gbdt) replaces champion version 1 (gbdt)", "it leads by 0.01"],
    "gates": [{"gate": "lead", "verdict": "passed", "numbers": "0.01 [0.005, 0.015]"}],
}
FIRST = {**BETTER, "champion": None}
CARRIED_OUT = {**BETTER, "champion": "3"}
REFUSED = {**BETTER, "promoted": False, "reasons": ["version 3 is not promoted"]}
YES = {"chosen_options": ["Approve"], "params_input": {"reason": "fine"}, "responded_by_user": {"id": "1", "name": "ann"}}
NO = {**YES, "chosen_options": ["Reject"], "params_input": {"reason": "too risky; -x {{ 7 }}"}}

Context = Callable[..., dict[str, Any]]


@pytest.fixture
def context() -> Context:
    """What Airflow gives to a task of the lane `buys`: what its `propose` and `approve` left, and the run's parameters."""

    def build(proposal: object = None, answer: object = None, *, dry_run: bool = False) -> dict[str, Any]:
        left = {"buys.propose": proposal, "buys.approve": answer}
        pulled = SimpleNamespace(id="7", xcom_pull=lambda task_ids: left[task_ids])
        return {
            "ti": pulled,
            "task_instance": pulled,
            "task": SimpleNamespace(task_id="buys.promote"),
            "params": {"dry_run": dry_run},
        }

    return build


def said(name: str, context: dict[str, Any]) -> str:
    return approval_macros()[name](context)


@pytest.mark.parametrize(
    ("proposal", "answer", "option"),
    [
        (BETTER, YES, "--expect-version=3"),
        (FIRST, YES, "--expect-version=3"),
        (BETTER, NO, "--declined=too risky; -x {{ 7 }}"),
        (BETTER, {**NO, "params_input": {}}, "--declined=no reason was given"),
        (BETTER, {**NO, "params_input": {}, "responded_by_user": None}, "--declined=nobody answered in time"),
        (CARRIED_OUT, None, "--expect-version=3"),
        (REFUSED, None, "--expect-version=none"),
        ({**REFUSED, "version": None}, None, "--expect-version=none"),
    ],
)
def test_promote_is_told_what_was_approved(context: Context, proposal: object, answer: object, option: str) -> None:
    assert said("approved", context(proposal, answer)) == option


@pytest.mark.parametrize("answer", [None, {}, {"chosen_options": ["Approve", "Reject"]}])
def test_without_an_answer_no_champion_changes(context: Context, answer: object) -> None:
    with pytest.raises(AirflowFailException, match="Nobody has approved version 3 of buys"):
        said("approved", context(BETTER, answer))


def test_a_dry_run_needs_no_yes(context: Context) -> None:
    assert said("approved", context(BETTER, dry_run=True)) == ""


def test_without_a_proposal_nothing_goes_on(context: Context) -> None:
    for name in approval_macros():
        with pytest.raises(AirflowFailException, match="left no proposal"):
            said(name, context())


def test_the_question_names_both_versions_and_the_reasons(context: Context) -> None:
    assert said("question", context(BETTER)) == "buys: shall version 3 score from now on, instead of version 1?"
    assert said("question", context(FIRST)).endswith("as the first one?")
    assert said("proposal", context(BETTER)).splitlines()[2:] == [
        "- version 3 (gbdt) replaces champion version 1 (gbdt)",
        "- it leads by 0.01",
        "",
        "| gate | verdict | numbers |",
        "|---|---|---|",
        "| lead | passed | 0.01 [0.005, 0.015] |",
    ]
    assert "gate" not in said("proposal", context({**BETTER, "gates": []}))


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Approval:
    """The lane's question; nothing reaches Airflow's database."""
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **_: None)
    with DAG("train", schedule=None):
        return Approval(task_id="approve", response_timeout=timedelta(hours=1))


def test_a_person_is_asked_where_the_champion_would_change(context: Context, task: Approval) -> None:
    with pytest.raises(TaskAwaitingInput):
        task.execute(context(BETTER))
    assert (task.options, task.defaults) == (["Approve", "Reject"], ["Reject"])


@pytest.mark.parametrize(("proposal", "dry_run"), [(REFUSED, False), (CARRIED_OUT, False), (BETTER, True)])
def test_nobody_is_asked_where_nothing_would_change(context: Context, task: Approval, proposal: object, dry_run: bool) -> None:
    assert task.execute(context(proposal, dry_run=dry_run)) is None


def test_lanes_do_not_see_each_other(context: Context) -> None:
    assert approval._of_lane(context(BETTER), "propose") == BETTER
    with pytest.raises(KeyError):
        approval._of_lane({**context(BETTER), "task": SimpleNamespace(task_id="leaves.promote")}, "propose")
