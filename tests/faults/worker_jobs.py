"""Jobs for workers that die: module-level, so that a worker can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pyarrow as pa

from pipeline import feature_build
from pipeline.feature_build import BuildTask, Goal, build_bucket
from pipeline.lake_parts import Part, PartWriter

FATAL_BUCKET = 2


def double(number: int) -> int:
    return 2 * number


def refuse(number: int) -> int:
    raise ValueError(f"{number} is not wanted")


def sleep(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def die_of_13(number: int) -> int:
    """Like `double`, but no worker survives 13; others take a moment."""
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return 2 * number


def build_slowly(task: BuildTask) -> list[tuple[Goal, Part]]:
    """Like `build_bucket`, user by user into small row groups; stops half-way to say so, and waits to be killed or for a while."""
    feature_build.MATRIX_BYTES = 1
    feature_build.GROUP_BYTES = 2**13
    write = PartWriter.write

    def told(writer: PartWriter, rows: pa.Table) -> None:
        write(writer, rows)
        half = Path(task.lake.url).parent / "half-way" / f"{task.bucket}-{os.getpid()}"
        if not half.exists() and any(Path(task.lake.url).glob(f"features/*/cutoff=*/bucket={task.bucket}/*.parquet")):
            half.parent.mkdir(exist_ok=True)
            half.touch()
            time.sleep(1)

    PartWriter.write = told  # type: ignore[method-assign]
    try:
        return build_bucket(task)
    finally:
        PartWriter.write = write  # type: ignore[method-assign]


def die_always(task: BuildTask) -> list[tuple[Goal, Part]]:
    """Like `build_bucket`, but no worker survives the fatal bucket."""
    if task.bucket == FATAL_BUCKET:
        os.kill(os.getpid(), signal.SIGKILL)
    return build_bucket(task)
