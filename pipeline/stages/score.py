"""Score every eligible user at a cutoff with the champion, into the lake's `scores`: one commit per target, replacing the last."""

from __future__ import annotations

import logging
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.cutoff import Cutoff
from features.target import Target
from pipeline import clock
from pipeline.cluster import cluster
from pipeline.config import Config
from pipeline.errors import NightcastError, NoEvents
from pipeline.lake import Lake
from pipeline.scoring.bucket import BucketInputs
from pipeline.scoring.bucket_scores import ScoreTask, score_bucket
from pipeline.scoring.inputs import bucket_inputs, known_users
from pipeline.scoring.loan import Loaned, borrow, enough_workers
from pipeline.scoring.night import SCORES, SCORES_TABLE, Provenance, assemble, counts

logger = logging.getLogger(__name__)

USERS_PER_WORKER = 2_000
"""So many users a network scores, with reasons, in about the time that one more worker needs to start."""


@dataclass(frozen=True)
class Run:
    """One execution of this stage."""

    id: str
    started_at: datetime
    lake: Lake
    cutoff: Cutoff


def run(config: Config, cutoff: Cutoff, *, targets: Sequence[Target], show: bool) -> dict[str, Any]:
    """Score all targets at `cutoff`; per target the champion's version and how many users were eligible, scored and refused.

    Each alias is read once; the version it names then scores every user and stands on every row. A rerun gives the same rows but
    for `run_id` and `scored_at`. Raises MissingInput, NoChampion and ModelRefused before any bucket is scored.
    """
    this = Run(uuid.uuid4().hex, clock.now(), Lake(config.lake_url), cutoff)
    inputs = bucket_inputs(config, this.lake, cutoff)
    with tempfile.TemporaryDirectory(prefix="nightcast-") as folder:
        champions = [borrow(config, target, Path(folder)) for target in targets]
        users = known_users(config, this.lake, cutoff)
        with cluster(enough_workers(config, [champion.model for champion in champions], users, USERS_PER_WORKER)) as workers:
            results = []
            for target, champion in zip(targets, champions, strict=True):
                tasks = [ScoreTask(each, champion.file) for each in inputs]
                parts = workers.map(score_bucket, tasks, label=f"{target.name} bucket", show=show)
                results.append(_commit(this, target, champion, inputs[0], parts))
    return {
        "cutoff": str(cutoff),
        "run_id": this.id,
        "targets": [target.name for target in targets],
        "rows": sum(result["scored"] for result in results),
        "refused": sum(result["refused"] for result in results),
        "models": {target.name: result["model_version"] for target, result in zip(targets, results, strict=True)},
    }


def _commit(this: Run, target: Target, champion: Loaned, made_from: BucketInputs, parts: Sequence[pa.Table]) -> dict[str, Any]:
    """All users' rows, ranked, as the night of this target; counts and model version."""
    finished, unit = clock.now(), target.unit if target.kind == "sum" else None
    rows = assemble(parts, Provenance(target.name, champion.model.version, target.horizon_days, this.id, finished, unit))
    found = counts(rows)
    if not found["eligible"]:
        raise NoEvents(
            f"Nobody is eligible for {target.name} at {this.cutoff}", mend=f"check [targets.{target.name}] eligible, or the cutoff"
        )
    if found["scored"] + found["refused"] != found["eligible"] or len(rows) != len(rows["user_id"].unique()):
        raise NightcastError(f"Scores of {target.name} do not add up: {found}, {len(rows)} rows", mend="report this; nothing was written")
    partition = {"target": target.name, "cutoff": this.cutoff.key}
    part = this.lake.write_part(SCORES_TABLE, partition, this.id, rows)
    metadata = {
        **{name: str(value) for name, value in found.items()},
        "run_id": this.id,
        "model_name": target.name,
        "model_version": champion.model.version,
        "model_kind": champion.model.kind,
        "target_kind": target.kind,
        "fingerprint": champion.model.fingerprint,
        "lake_version": str(made_from.timelines_version),
        "events_version": str(this.lake.metadata(made_from.features_table, {"cutoff": this.cutoff.key}).get("events_version")),
        "started_at": this.started_at.isoformat(),
        "finished_at": finished.isoformat(),
    }
    this.lake.commit(SCORES_TABLE, SCORES, partition, [part], metadata=metadata)
    logger.info("scored %s at %s: %s users, %s refused", target.name, this.cutoff, found["scored"], found["refused"])
    return {**found, "model_version": champion.model.version}
