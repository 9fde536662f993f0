"""Score every eligible user at a cutoff with the champion, into the lake's `scores`: one commit per target, replacing the last."""

from __future__ import annotations

import logging
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from features.cutoff import Cutoff
from features.target import Target
from pipeline import clock
from pipeline.cluster import Workers, cluster
from pipeline.config import Config
from pipeline.errors import NightcastError, NoEvents
from pipeline.full_disk import naming_full_disk
from pipeline.lake import Lake
from pipeline.scoring.bucket import BucketInputs
from pipeline.scoring.bucket_ranks import RankTask, rank_bucket, write_order
from pipeline.scoring.bucket_scores import FOLDER, ScoreTask, Unranked, score_bucket
from pipeline.scoring.inputs import bucket_inputs, known_users
from pipeline.scoring.loan import Loaned, borrow, enough_workers
from pipeline.scoring.night import SCORES, SCORES_TABLE, Provenance

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
    for `run_id` and `scored_at`. Raises MissingInput, NoChampion and ModelRefused before any bucket is scored, NoEvents where nobody is
    eligible for a target, before any target is committed.
    """
    this = Run(uuid.uuid4().hex, clock.now(), Lake(config.lake_url), cutoff)
    inputs = bucket_inputs(config, this.lake, cutoff)
    with naming_full_disk(this.lake.url), tempfile.TemporaryDirectory(prefix="nightcast-") as folder, _swept(this, config):
        champions = [borrow(config, target, Path(folder)) for target in targets]
        users = known_users(config, this.lake, cutoff)
        with cluster(enough_workers(config, [champion.model for champion in champions], users, USERS_PER_WORKER)) as workers:
            files = tuple(champion.file for champion in champions)
            tasks = [ScoreTask(each, files, this.id, config.scoring.ladder) for each in inputs]
            scored = workers.map(score_bucket, tasks, label="bucket to score", show=show)
            nights = [
                Night(target, champion, inputs[0], [bucket[place] for bucket in scored])
                for place, (target, champion) in enumerate(zip(targets, champions, strict=True))
            ]
            _require_eligible(this, nights)
            results = [_commit(this, night, workers, show=show) for night in nights]
    this.lake.tidy(SCORES_TABLE, keep_versions=None, retention_days=config.lake.retention_days)
    return {
        "cutoff": str(cutoff),
        "run_id": this.id,
        "targets": [target.name for target in targets],
        "rows": sum(result["scored"] for result in results),
        "refused": sum(result["refused"] for result in results),
        "models": {target.name: result["model_version"] for target, result in zip(targets, results, strict=True)},
    }


@dataclass(frozen=True)
class Night:
    """A target's users, scored by its champion and not yet ranked; `made_from` names the versions read."""

    target: Target
    champion: Loaned
    made_from: BucketInputs
    parts: Sequence[Unranked]

    @property
    def eligible(self) -> int:
        """How many users were asked about."""
        return sum(part.eligible for part in self.parts)


@contextmanager
def _swept(this: Run, config: Config) -> Iterator[None]:
    """Remove the run's unranked files on the way out, and what runs that were killed have left."""
    try:
        yield
    finally:
        for path in this.lake.list_files(FOLDER):
            if path.startswith(f"{FOLDER}/{this.id}-"):
                this.lake.remove_file(path)
        this.lake.tidy_files(FOLDER, {}, retention_days=config.lake.retention_days)


def _require_eligible(this: Run, nights: Sequence[Night]) -> None:
    if nobody := [night.target.name for night in nights if not night.eligible]:
        raise NoEvents(
            f"Nobody is eligible for {', '.join(nobody)} at {this.cutoff}",
            mend=f"check {', '.join(f'[targets.{name}] eligible' for name in nobody)}, or the cutoff",
        )


def _commit(this: Run, night: Night, workers: Workers, *, show: bool) -> dict[str, Any]:
    """All users' rows, ranked, as the night of this target; counts and model version."""
    target, model = night.target, night.champion.model
    finished, unit = clock.now(), target.unit if target.kind == "sum" else None
    provenance = Provenance(target.name, model.version, target.horizon_days, this.id, finished, unit)
    partition = {"target": target.name, "cutoff": this.cutoff.key}
    paths = {part.bucket: part.path for part in night.parts if part.path}
    order = write_order(this.lake, this.id, list(paths.values()))
    tasks = [RankTask(this.lake, bucket, path, order, partition, provenance) for bucket, path in paths.items()]
    written = workers.map(rank_bucket, tasks, label=f"{target.name} bucket to rank", show=show)
    found = {name: sum(one.counts[name] for one in written) for name in ("eligible", "scored", "refused")}
    if not found["scored"] + found["refused"] == found["eligible"] == night.eligible:
        raise NightcastError(
            f"Scores of {target.name} do not add up: {found}, {night.eligible} users asked", mend="report this; nothing was written"
        )
    metadata = {
        **{name: str(value) for name, value in found.items()},
        "run_id": this.id,
        "model_name": target.name,
        "model_version": model.version,
        "model_kind": model.kind,
        "target_kind": target.kind,
        "fingerprint": model.fingerprint,
        "lake_version": str(night.made_from.timelines_version),
        "events_version": str(this.lake.metadata(night.made_from.features_table, {"cutoff": this.cutoff.key}).get("events_version")),
        "started_at": this.started_at.isoformat(),
        "finished_at": finished.isoformat(),
    }
    this.lake.commit(SCORES_TABLE, SCORES, partition, [part for one in written for part in one.parts], metadata=metadata)
    logger.info("scored %s at %s: %s users, %s refused", target.name, this.cutoff, found["scored"], found["refused"])
    return {**found, "model_version": model.version}
