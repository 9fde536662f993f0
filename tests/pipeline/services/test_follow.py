from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.progress import Progress

from pipeline.services.airflow_api import Task
from pipeline.services.follow import Display


def test_each_task_that_ends_gets_one_line_with_its_seconds() -> None:
    text = StringIO()
    with Progress(console=Console(file=text, width=120), disable=True) as progress:
        display = Display("train", progress)
        running, done, skipped = Task("a", "running", None, 1), Task("a", "success", 12.34, 1), Task("b", "upstream_failed", None, 0)
        for task in (running, done, skipped, done):
            display.changed([running, skipped], task)
    assert [line.split() for line in text.getvalue().splitlines()] == [
        ["train", "a", "12.3", "s", "success"],
        ["train", "b", "upstream_failed"],
    ]
