"""One small shop, taken through a whole night."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from tests.night import Project, simulated

CONFIG = """
[source]
files = "shop/events/{date}.csv.gz"
event_types = ["view", "cart", "purchase", "cancel"]
[source.columns]
event_id = "event_id"
user_id = "user_id"
event_time = "event_time"
available_at = "available_at"
event_type = "event_type"
item_id = "item_id"
category = "category"
value = "value"
session_id = "session_id"
segment = "segment"
[lake]
buckets = 4
[windows]
lookback_days = 90
days = [7, 28, 90]
[targets.purchase_7d]
kind = "occurs"
event_type = "purchase"
horizon_days = 7
eligible = { event_type = "any", within_days = 60 }
[targets.churn_28d]
kind = "absent"
horizon_days = 28
eligible = { event_type = "any", within_days = 28 }
[training]
cutoffs = 3
step_days = 7
[training.gbdt]
rounds = 150
learning_rate = 0.06
folds = 3
[training.sequence]
length = 16
width = 16
epochs = 2
[evaluation]
slices = ["score_basis", "tenure", "segment"]
slice_rows = 80
slice_positives = 10
"""


START, DAYS = date(2026, 1, 1), 140


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """Events are in the lake; nothing is trained."""

    def made(folder: Path) -> None:
        folder.mkdir()
        simulated(folder, CONFIG, users=900, days=DAYS, start=START)

    return _once(tmp_path_factory, worker_id, "shop", made)


@pytest.fixture(scope="session")
def night(ingested: Project, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """Trained, scored and published, through `nightcast run`. Tests that change more than its scores work on a copy."""

    def made(folder: Path) -> None:
        project = ingested.copy(folder)
        project.run("run", "train", "--cutoff", project.cutoff)
        project.run("run", "score", "--cutoff", project.cutoff)

    return _once(tmp_path_factory, worker_id, "night", made)


def _once(factory: pytest.TempPathFactory, worker_id: str, name: str, made: Callable[[Path], None]) -> Project:
    """The project that `made` makes in an absent folder, by one of the test processes for all of them."""
    project = Project((factory.getbasetemp() if worker_id == "master" else factory.getbasetemp().parent) / name, START, DAYS)
    finished = project.folder.with_suffix(".finished")
    with FileLock(project.folder.with_suffix(".lock")):
        if not finished.exists():
            shutil.rmtree(project.folder, ignore_errors=True)
            made(project.folder)
            finished.touch()
    return project
