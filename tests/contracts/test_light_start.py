"""`nightcast --help` and DAG wiring load none of the heavy libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "tensorflow",
    "keras",
    "lightgbm",
    "mlflow",
    "great_expectations",
    "dask",
    "distributed",
    "sklearn",
    "pandas",
    "polars",
    "pyarrow",
    "duckdb",
    "numba",
}


@pytest.mark.parametrize("module", ["pipeline.cli", "pipeline.commands", "pipeline.alerts", "pipeline.errors"])
def test_importing_it_loads_no_heavy_library(module: str) -> None:
    script = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
    assert HEAVY & set(loaded) == set()
