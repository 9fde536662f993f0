"""Two environments from one lock: every stage runs where Airflow is absent; the DAGs parse where nothing but Airflow is (`tests/dags/`)."""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
STAGE_LIBRARIES = ["dask", "deltalake", "duckdb", "great_expectations", "keras", "lightgbm", "mlflow", "tensorflow"]

FLOORS = {"mlflow": (3, 17, 0), "apache-airflow": (3, 3, 2), "keras": (3, 15, 1), "distributed": (2026, 1, 0)}
"""Below these versions there are published vulnerabilities that concern us."""


def test_the_stages_run_where_airflow_is_absent() -> None:
    assert find_spec("airflow") is None


@pytest.mark.parametrize("library", STAGE_LIBRARIES)
def test_the_stages_libraries_are_here(library: str) -> None:
    assert find_spec(library) is not None


@pytest.mark.parametrize("package", FLOORS)
def test_the_lock_keeps_to_versions_without_known_holes(package: str) -> None:
    locked = next(found["version"] for found in LOCK["package"] if found["name"] == package)
    assert tuple(int(part) for part in locked.split(".")) >= FLOORS[package]


def test_the_lock_names_the_public_registry_alone() -> None:
    registries = {found["source"].get("registry") for found in LOCK["package"] if "registry" in found["source"]}
    assert registries == {"https://pypi.org/simple"}
