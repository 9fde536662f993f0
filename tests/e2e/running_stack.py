"""`nightcast up` over a folder of its own, with a stand-in for the stages' interpreter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline import clock
from pipeline.errors import Unreachable
from pipeline.services.airflow_api import AirflowApi
from pipeline.services.airflow_home import airflow_python

STAND_IN = Path(__file__).with_name("stand_in.py")


def _airflow_is_missing() -> bool:
    try:
        airflow_python()
    except Unreachable:
        return True
    return False


needs_airflow = pytest.mark.skipif(_airflow_is_missing(), reason="no .venv-airflow here: run `make setup`")


@dataclass
class Stack:
    """A running `nightcast up`."""

    process: subprocess.Popen[str]
    folder: Path
    output: Path
    addresses: dict[str, str]
    api: AirflowApi

    def calls(self) -> list[dict[str, list[str]]]:
        """What the stand-in was called with since the last look, in order."""
        noted = self.folder / "calls"
        lines = noted.read_text(encoding="utf-8").splitlines()
        noted.unlink()
        return [json.loads(line) for line in lines]

    def run(self, dag: str, parameters: dict[str, object]) -> dict[str, str]:
        """Run a DAG to its end; the state of each task."""
        return self.states(dag, self.api.trigger(dag, parameters))

    def states(self, dag: str, run: str) -> dict[str, str]:
        """Wait for the end of a run; the state of each task."""
        states: dict[str, str] = {}
        self.api.follow(dag, run, seconds=300, changed=lambda _, task: states.update({task.name: task.state}))
        return states


@contextmanager
def running(config: Path) -> Iterator[Stack]:
    """The stack of a configuration, its DAGs parsed; ended afterwards."""
    output = config.with_name("output")
    environment = {**os.environ, "NIGHTCAST_PYTHON": str(STAND_IN), "CANARY_SECRET": "tweet"}
    began = clock.now()
    with output.open("w", encoding="utf-8") as file:
        line = [sys.executable, "-m", "pipeline", "up", "--config", str(config)]
        process = subprocess.Popen(line, env=environment, stdout=file, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 300
        while "Ctrl-C" not in (said := output.read_text(encoding="utf-8")):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        addresses = dict(re.findall(r"^(Airflow|MLflow|Data Docs)\s+(http://127\.0\.0\.1:\d+)", said, re.MULTILINE))
        password = json.loads((config.parent / ".nightcast" / "airflow" / "passwords.json").read_text(encoding="utf-8"))["admin"]
        api = AirflowApi(addresses["Airflow"], "admin", password)
        while not all(api.parsed_since(dag, began) for dag in ("ingest", "train", "score")):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield Stack(process, config.parent, output, addresses, api)
    finally:
        process.terminate()
        process.wait(timeout=60)
