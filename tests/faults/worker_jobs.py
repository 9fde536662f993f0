"""Jobs for workers that die: module-level, so that a worker can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from pipeline.feature_build import BuildTask, Goal, build_bucket
from pipeline.lake_parts import Part

FATAL_BUCKET = 2


def double(number: int) -> int:
    return 2 * number


def refuse(number: int) -> int:
    raise ValueError(f"{number} is not wanted")


def sleep(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def die_once(task: BuildTask) -> list[tuple[Goal, Part]]:
    """Like `build_bucket`, but the first worker with the fatal bucket is killed after it wrote its parts."""
    parts = build_bucket(task)
    marker = Path(task.lake.url) / "died"
    if task.bucket == FATAL_BUCKET and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return parts


def die_always(task: BuildTask) -> list[tuple[Goal, Part]]:
    """Like `build_bucket`, but no worker survives the fatal bucket."""
    if task.bucket == FATAL_BUCKET:
        os.kill(os.getpid(), signal.SIGKILL)
    return build_bucket(task)
