"""`build-features` on Dask, with one worker and with two: `python -m tests.benchmarks.build [--events 30000000] [--buckets 64]`.

Timelines are written straight into a lake of its own; then the stage builds features and labels for a training, commits, and tidies.
Prints the time of the whole stage, the start of the cluster apart, and the greatest resident size of each worker process; says whether
every committed file has the same bytes with one worker and with two.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from features.cutoff import Cutoff
from pipeline.cluster import cluster
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.stages import build_features
from tests.pipeline.stored_timelines import write_timelines

END = Cutoff(datetime(2026, 3, 2, tzinfo=UTC))
MOST_BYTES, LEAST_SPEEDUP = 10**9, 1.7


def configuration(root: Path, workers: int, buckets: int, cutoffs: int) -> Config:
    columns = {"user_id": "u", "event_time": "t", "event_type": "e", "item_id": "i", "category": "c", "value": "v"}
    return Config.model_validate(
        {
            "root": root,
            "source": {"files": "{date}.csv", "event_types": ("view", "cart", "purchase"), "columns": columns},
            "lake": {"buckets": buckets},
            "dask": {"workers": workers, "memory_limit": "1GB"},
            "windows": {"lookback_days": 180, "days": (7, 14, 30, 60, 90, 180)},
            "targets": {"buys": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}},
            "training": {"cutoffs": cutoffs - 1, "step_days": 7},
        }
    )


@contextmanager
def watched() -> Iterator[dict[int, int]]:
    """The greatest resident size, in bytes, of every worker process that lives meanwhile, by process id."""
    peaks: dict[int, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            for child in psutil.Process().children(recursive=True):
                try:
                    status = Path(f"/proc/{child.pid}/status").read_text()
                    if "spawn_main" in " ".join(child.cmdline()) and "VmHWM" in status:
                        peaks[child.pid] = 1024 * int(status.split("VmHWM:")[1].split()[0])
                except (OSError, psutil.Error):
                    continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def build(config: Config) -> dict[str, Any]:
    """One build from nothing; what was there goes first."""
    lake, table = Lake(config.lake_url), configured_features(config).table
    for built in (table, "labels"):
        shutil.rmtree(lake.uri(built), ignore_errors=True)
    began = time.perf_counter()
    with cluster(config):
        start = time.perf_counter() - began
    began = time.perf_counter()
    with watched() as peaks:
        result = build_features.run(config, [END], training=True, show=False)
    seconds = time.perf_counter() - began
    files = sorted(path for built in (table, "labels") for path in Path(lake.uri(built)).rglob("*=*/*.parquet"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.parent.relative_to(lake.url)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return {
        "workers": config.dask.workers,
        "seconds": round(seconds, 1),
        "of_which_cluster": round(start, 1),
        "peak_megabytes": sorted(round(peak / 1e6) for peak in peaks.values()),
        "rows": result["rows"],
        "features": result["features"],
        "files": len(files),
        "written_megabytes": round(sum(path.stat().st_size for path in files) / 1e6),
        "sha256": digest.hexdigest(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000_000)
    parser.add_argument("--users", type=int, default=0, help="default: one per 100 events")
    parser.add_argument("--buckets", type=int, default=64)
    parser.add_argument("--cutoffs", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    users = asked.users or asked.events // 100
    with TemporaryDirectory() as folder:
        warm = configuration(Path(folder, "warm"), 1, 1, asked.cutoffs)
        write_timelines(warm, END, users=100, events=5_000, days=400)
        build(warm)
        root = Path(folder, "full")
        write_timelines(configuration(root, 1, asked.buckets, asked.cutoffs), END, users=users, events=asked.events, days=400)
        found = [build(configuration(root, workers, asked.buckets, asked.cutoffs)) for workers in asked.workers]
    for each in found:
        print(json.dumps(each))
    speedup = found[0]["seconds"] / found[-1]["seconds"]
    peak = max(peak for each in found for peak in each["peak_megabytes"]) * 10**6
    print(
        json.dumps(
            {
                "events": asked.events,
                "users": users,
                "cutoffs": asked.cutoffs,
                "same_bytes": len({each["sha256"] for each in found}) == 1,
                "speedup": round(speedup, 2),
                "speedup_reached": speedup >= LEAST_SPEEDUP,
                "memory_kept": peak < MOST_BYTES,
            }
        )
    )


if __name__ == "__main__":
    main()
