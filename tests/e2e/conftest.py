"""One small shop, taken through a whole night."""

from __future__ import annotations

import pytest

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
"""


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Events are in the lake; nothing is trained."""
    return simulated(tmp_path_factory.mktemp("shop"), CONFIG, users=900, days=140)


@pytest.fixture(scope="session")
def night(ingested: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Trained, scored and published, through `nightcast run`."""
    project = ingested.copy(tmp_path_factory.mktemp("night") / "project")
    project.run("run", "train", "--cutoff", project.cutoff)
    project.run("run", "score", "--cutoff", project.cutoff)
    return project
