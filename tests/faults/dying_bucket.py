"""Scoring tasks whose worker is killed on the way; workers import them from here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow as pa

from pipeline.scoring.bucket_scores import ScoreTask, score_bucket


def killed_once_in_bucket_1(task: ScoreTask) -> pa.Table:
    """Score the bucket; the first worker to have scored bucket 1 dies before it can say so."""
    rows = score_bucket(task)
    if task.inputs.bucket == 1:
        try:
            Path(task.inputs.lake.url, "killed").touch(exist_ok=False)
        except FileExistsError:
            return rows
        os.kill(os.getpid(), signal.SIGKILL)
    return rows
