"""Buckets that are larger than a worker's memory: they are built block by block, or the error says what to do."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import WorkersLost
from pipeline.lake import Lake
from pipeline.stages import build_features
from tests.features.literal import CUTOFF, TYPES
from tests.pipeline.stored_timelines import write_timelines

USERS, EVENTS = 60_000, 3_000_000
"""In one bucket: built all at once they took 1.3 GB, in blocks 0.57 GB, of which 0.3 GB are the libraries."""


def one_bucket(root: Path, memory: str) -> Config:
    columns = {"user_id": "u", "event_time": "t", "event_type": "e", "item_id": "i"}
    config = Config.model_validate(
        {
            "root": root,
            "source": {"files": "{date}.csv", "event_types": TYPES, "columns": columns},
            "lake": {"buckets": 1},
            "dask": {"workers": 1, "memory_limit": memory, "timeout_minutes": 5},
            "windows": {"lookback_days": 60, "days": (7, 30, 60)},
            "targets": {"buys": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}},
            "training": {"cutoffs": 5, "step_days": 7},
        }
    )
    write_timelines(config, CUTOFF, users=USERS, events=EVENTS, days=150)
    return config


def test_a_bucket_larger_than_the_memory_of_a_worker_is_built(tmp_path: Path) -> None:
    config = one_bucket(tmp_path, "700MB")
    assert build_features.run(config, [CUTOFF], training=True, show=False)["rows"] > 5 * USERS


def test_a_limit_that_not_even_a_block_fits_into_ends_with_advice(tmp_path: Path) -> None:
    config = one_bucket(tmp_path, "300MB")
    lake, table = Lake(config.lake_url), configured_features(config).table
    began, before = time.monotonic(), psutil.Process().memory_info().rss
    with pytest.raises(WorkersLost, match=r"(feature bucket 0: KilledWorker|did not start)(.|\n)*memory") as caught:
        build_features.run(config, [CUTOFF], training=True, show=False)
    assert caught.value.exit_code == 32
    assert time.monotonic() - began < 120
    assert psutil.Process().memory_info().rss - before < 200e6, "the scheduler runs in this process"
    assert lake.version(table) is lake.version("labels") is None
