"""A folder that is ready to score one target: lake, configuration file and a champion whose files lie in the folder itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.stages import train_gbdt
from pipeline.tracking import registry
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, SETTINGS, write_events, write_features, write_toml, write_training

TARGET = "purchase_7d"
PARTITION = {"target": TARGET, "cutoff": AS_OF.key}


def ready(root: Path, *, workers: int = 1) -> Config:
    """The configuration of a folder in which version 1 is champion."""
    targets = {TARGET: SETTINGS["targets"][TARGET]}
    config = load(write_toml(root, targets=targets, dask={"workers": workers, "timeout_minutes": 5}))
    place_mlflow_store(root)
    write_events(config)
    write_training(config, TARGET)
    write_features(config, AS_OF)
    train_gbdt.run(config, config.target(TARGET), AS_OF, show=False)
    registry.set_alias(config, TARGET, registry.CHAMPION, "1")
    return config


def score_by_command(config: Config) -> subprocess.CompletedProcess[str]:
    """`nightcast score` in a process of its own."""
    words = ["score", "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json"]
    return subprocess.run([sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, timeout=240, check=False)


def scores(config: Config) -> pa.Table:
    """The committed scores, without the columns that differ between runs."""
    return Lake(config.lake_url).read("scores", PARTITION).drop_columns(["run_id", "scored_at"])
