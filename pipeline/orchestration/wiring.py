"""From `nightcast.toml` and a list of steps to a DAG's schedule and tasks."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from airflow.sdk import DAG, Asset, BaseOperator, BaseOperatorLink, CronPartitionTimetable, TaskGroup

from pipeline import alerts
from pipeline.commands import PYTHON_VARIABLE, Step, command_line, config_path, read_settings
from pipeline.orchestration.approval import FORM, Approval
from pipeline.orchestration.command_operator import CommandOperator

OWNER = "nightcast"
RETRIES = 2
RETRY_DELAY = timedelta(minutes=1)
PROJECT = Path(__file__).resolve().parents[2]
ONCE_A_DAY = re.compile(r"\d{1,2} \d{1,2} \* \* \*|@daily|@midnight")


def settings() -> dict[str, Any]:
    """The tables of the configuration in force; empty while there is none, so that the DAGs still parse."""
    return read_settings(config_path())


def time_zone(settings: Mapping[str, Any]) -> str:
    """The zone in which days begin, `source.time_zone`."""
    return str(settings.get("source", {}).get("time_zone", "UTC"))


def timetable(settings: Mapping[str, Any], name: str, *, days_back: int) -> CronPartitionTimetable | None:
    """`schedule.<name>` as a timetable whose runs carry a day as partition key; None where it is empty: by hand only.

    The key is the local day of the run, or with `days_back=1` the day before it, which takes a schedule of once a day.
    Raises ValueError where one day back is asked for and the schedule is another.
    """
    cron = str(settings.get("schedule", {}).get(name, "")).strip()
    if not cron:
        return None
    if days_back and not ONCE_A_DAY.fullmatch(cron):
        raise ValueError(f"schedule.{name} = '{cron}' has to fire once a day, such as '0 2 * * *': each run takes in the day before it")
    return CronPartitionTimetable(cron, timezone=time_zone(settings), run_offset=-days_back, key_format="%Y-%m-%d")


def task_defaults() -> dict[str, Any]:
    """What every task has in common."""
    return {
        "owner": OWNER,
        "retries": RETRIES,
        "retry_delay": RETRY_DELAY,
        "on_failure_callback": alerts.task_failed,
    }


def add_tasks(
    dag: DAG,
    steps: Sequence[Step],
    *,
    docs: Mapping[str, str],
    timeouts: Mapping[str, timedelta],
    links: Mapping[str, Sequence[BaseOperatorLink]] = MappingProxyType({}),
    outlets: Mapping[str, Sequence[Asset]] = MappingProxyType({}),
) -> None:
    """One task per step, in the steps' order, with a task group for each target; a step without arguments asks a person.

    `docs`, `timeouts`, `links` and `outlets` are keyed by the stage, the last part of a step's name.
    """
    tasks: dict[str, BaseOperator] = {}
    groups: dict[str, TaskGroup] = {}
    for step in steps:
        stage = step.name.rpartition(".")[2]
        if step.target and step.target not in groups:
            groups[step.target] = TaskGroup(step.target, dag=dag, tooltip=f"Target {step.target}")
        with groups[step.target] if step.target else nullcontext():
            rest = {"doc_md": docs[stage], "dag": dag}
            tasks[step.name] = (
                _command(step, stage, timeouts[stage], links=links.get(stage, ()), outlets=outlets.get(stage, ()), **rest)
                if step.argv
                else Approval(task_id=stage, params=dict(FORM), response_timeout=timeouts[stage], **rest)
            )
        for before in step.after:
            tasks[before] >> tasks[step.name]


def _command(step: Step, stage: str, timeout: timedelta, **rest: Any) -> CommandOperator:
    python = os.environ.get(PYTHON_VARIABLE, str(PROJECT / ".venv" / "bin" / "python"))
    argv = command_line(step, python=python, config=str(config_path()))
    return CommandOperator(task_id=stage, argv=argv, execution_timeout=timeout, **rest)
