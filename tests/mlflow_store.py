"""MLflow's migrations take seconds; tests that need a store start from a copy of one that is empty and migrated."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from pipeline.tracking import store


@cache
def _empty() -> Path:
    folder = tempfile.mkdtemp(prefix="nightcast-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "mlflow.db"
    with store.answering(str(path)):
        store.create_sqlite(path)
    return path


def place_mlflow_store(root: Path) -> None:
    """Put a migrated `mlflow.db` without experiments into `root`."""
    shutil.copy(_empty(), root / "mlflow.db")
