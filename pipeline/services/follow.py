"""Runs a DAG through Airflow's REST API and shows on stderr how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.services.airflow_api import ENDED, AirflowApi, Task

DONE = ENDED | {"skipped", "upstream_failed"}
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


@dataclass
class Display:
    """One line for each task that ends; on a terminal also a bar with what is running."""

    dag: str
    progress: Progress
    seen: set[str] = field(default_factory=set)

    def changed(self, tasks: list[Task], task: Task) -> None:
        """Take in one change of state."""
        if task.state in DONE and task.name not in self.seen:
            self.seen.add(task.name)
            seconds = f"{task.seconds:6.1f} s" if task.seconds is not None else " " * 8
            self.progress.console.print(f"  {self.dag}  {task.name:<28} {seconds}  {task.state}", highlight=False, markup=False)
        running = ", ".join(other.name for other in tasks if other.state == "running")
        for bar in self.progress.task_ids:
            done = sum(other.state in DONE for other in tasks)
            self.progress.update(bar, total=len(tasks), completed=done, description=f"{self.dag}: {running or 'waiting'}")


def run_dag(api: AirflowApi, dag: str, parameters: Mapping[str, object], *, seconds: float, show: bool) -> str:
    """Start a run, follow it to its end, and return its id. Raises RunFailed as `AirflowApi.follow` does."""
    run = api.trigger(dag, parameters)
    with Progress(*COLUMNS, console=Console(stderr=True), transient=True, disable=not show) as progress:
        progress.add_task(dag, total=None)
        api.follow(dag, run, seconds=seconds, changed=Display(dag, progress).changed)
    return run
