"""Scoring tasks whose worker is killed on the way; workers import them from here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pipeline.scoring.bucket_scores import ScoreTask, Unranked, score_bucket


def killed_once_in_bucket_1(task: ScoreTask) -> tuple[Unranked, ...]:
    """Score the bucket; the first worker to have scored bucket 1 dies before it can say so."""
    written = score_bucket(task)
    if task.inputs.bucket == 1:
        try:
            Path(task.inputs.lake.url, "killed").touch(exist_ok=False)
        except FileExistsError:
            return written
        os.kill(os.getpid(), signal.SIGKILL)
    return written
