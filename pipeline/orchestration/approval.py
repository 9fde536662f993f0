"""A person's word before a champion changes: the task that asks, and the templates that say what is asked and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowFailException
from jinja2 import pass_context

YES, NO = "Approve", "Reject"
PROPOSE, APPROVE = "propose", "approve"
"""Tasks of a lane; a template finds them beside the task that it belongs to."""

FORM = MappingProxyType(
    {"reason": Param("", type="string", maxLength=500, title="Reason", description="Kept with the version if the answer is no")}
)
"""What a person may fill in; Airflow takes it as the task's `params`, where it is told from those of the DAG."""


class Approval(HITLOperator):
    """Shows what the lane's `propose` found, with its reasons, and waits for a person; without an answer in time it is a no.

    The lane goes on after either answer, for a no is recorded too. Where the champion would stay, nobody is asked. It waits without a
    process of its own.
    """

    def __init__(self, *, response_timeout: timedelta, **rest: Any) -> None:
        super().__init__(
            subject="{{ question() }}",
            body="{{ proposal() }}",
            options=[YES, NO],
            defaults=NO,
            response_timeout=response_timeout,
            **rest,
        )

    def execute(self, context: Context) -> Any:
        """Ask, or go on at once."""
        found = _proposed(context)
        if context["params"].get("dry_run") or not _moves(found):
            self.log.info("Nothing to approve: %s", found["reasons"][0])
            return None
        return super().execute(context)


def approval_macros() -> dict[str, Callable[[Mapping[str, Any]], str]]:
    """`{{ question() }}` and `{{ proposal() }}` of the task that asks, and `{{ approved() }}`, the last argument of `promote`."""
    return {"question": _question, "proposal": _proposal, "approved": _approved}


@pass_context
def _question(context: Mapping[str, Any]) -> str:
    found = _proposed(context)
    before = f"instead of version {found['champion']}" if found["champion"] else "as the first one"
    return f"{found['target']}: shall version {found['version']} score from now on, {before}?"


@pass_context
def _proposal(context: Mapping[str, Any]) -> str:
    """Reasons and gates, in Markdown."""
    found = _proposed(context)
    lines = [f"Trained as of {found['as_of']}. Without an answer in time the champion stays.", ""]
    lines += [f"- {reason}" for reason in found["reasons"]]
    if found["gates"]:
        lines += ["", "| gate | verdict | numbers |", "|---|---|---|"]
        lines += [f"| {gate['gate']} | {gate['verdict']} | {gate['numbers']} |" for gate in found["gates"]]
    return "\n".join(lines)


@pass_context
def _approved(context: Mapping[str, Any]) -> str:
    """`--expect-version=…`, or `--declined=…` after a no; nothing in a dry run, which moves nothing.

    Raises AirflowFailException where an answer is needed and missing.
    """
    if context["params"].get("dry_run"):
        return ""
    found = _proposed(context)
    if not _moves(found):
        return f"--expect-version={found['version'] if found['promoted'] else 'none'}"
    answer = _of_lane(context, APPROVE) or {}
    if answer.get("chosen_options") == [YES]:
        return f"--expect-version={found['version']}"
    if answer.get("chosen_options") != [NO]:
        raise AirflowFailException(f"Nobody has approved version {found['version']} of {found['target']}: clear `{PROPOSE}` to ask again")
    said = (answer.get("params_input") or {}).get("reason") or "no reason was given"
    return f"--declined={said if answer.get('responded_by_user') else 'nobody answered in time'}"


def _moves(found: Mapping[str, Any]) -> bool:
    """A promotion that was carried out before is proposed again, and changes nothing."""
    return bool(found["promoted"] and found["version"] != found["champion"])


def _proposed(context: Mapping[str, Any] | Context) -> dict[str, Any]:
    found = _of_lane(context, PROPOSE)
    if not found:
        raise AirflowFailException(f"`{PROPOSE}` of this lane left no proposal: clear it")
    return dict(found)


def _of_lane(context: Mapping[str, Any] | Context, stage: str) -> Any:
    lane = context["task"].task_id.rpartition(".")[0]
    return context["ti"].xcom_pull(task_ids=f"{lane}.{stage}")
