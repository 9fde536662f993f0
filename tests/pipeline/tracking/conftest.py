from __future__ import annotations

from pathlib import Path

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.tracking.registry import Candidate
from tests.mlflow_store import place_mlflow_store

CUTOFF = Cutoff.from_key("20260601T000000Z")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    place_mlflow_store(tmp_path)
    return Config.model_validate(
        {
            "root": tmp_path,
            "source": {
                "files": "{date}.csv",
                "event_types": ["view", "purchase"],
                "columns": {"user_id": "u", "event_time": "t", "event_type": "e"},
            },
            "targets": {
                "purchase_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7},
                "churn_28d": {"kind": "absent", "horizon_days": 28},
            },
        }
    )


@pytest.fixture
def candidate() -> Candidate:
    return Candidate(
        kind="gbdt",
        cutoff=CUTOFF,
        newest_training_cutoff=CUTOFF.plus_days(-14),
        labels_until=CUTOFF.plus_days(-7),
        fingerprint="f" * 64,
        manifest_sha256="a" * 64,
    )
