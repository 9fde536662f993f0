"""The DAGs as they are wired for a configuration with three targets and a nightly schedule."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="nightcast-airflow-"))

FOLDER = Path(__file__).parents[2] / "dags"
CONFIG = """
[source]
time_zone = "Europe/London"
[targets.buys]
kind = "occurs"
horizon_days = 7
[targets.leaves]
kind = "absent"
horizon_days = 28
[targets.spends]
kind = "sum"
horizon_days = 28
[schedule]
ingest = "0 2 * * *"
train = "0 6 * * 1"
score = "0 4 * * *"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "nightcast.toml"
    path.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("NIGHTCAST_CONFIG", str(path))
    monkeypatch.setenv("NIGHTCAST_PYTHON", "/stages/python")
    return path


@pytest.fixture
def dags(config: Path) -> dict[str, object]:
    """Every DAG that a file in dags/ defines, by id."""
    return loaded()


@pytest.fixture
def asking(config: Path) -> dict[str, object]:
    """The same where a person is asked before a champion changes."""
    config.write_text(f'{CONFIG}[promotion]\napproval = "human"\napproval_hours = 36\n', encoding="utf-8")
    return loaded()


def loaded() -> dict[str, object]:
    from airflow.sdk import DAG

    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"dag_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= {dag.dag_id: dag for dag in vars(module).values() if isinstance(dag, DAG)}
    return found
