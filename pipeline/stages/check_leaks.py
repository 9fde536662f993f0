"""The leak gate: features and labels of a training are refused if they know what happened after their cutoff."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from features.cutoff import Cutoff
from pipeline.cluster import Workers, cluster
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.leaks.accumulated import check_values
from pipeline.leaks.outcomes import OutcomeTask, check_target
from pipeline.leaks.report import Checked, Finding, leak_found, store
from pipeline.leaks.sample import Sample, draw
from pipeline.leaks.truncation import Compared, FutureTask, compare_bucket, judged

logger = logging.getLogger(__name__)

NEWEST = 6
"""Training cutoffs at which outcomes are looked at: further ones repeat the same users. Features are compared at every cutoff."""


def run(config: Config, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:
    """Check what `build-features --training` built as of `cutoff`, and commit the report; its rows.

    A sample of `leaks.users` users, drawn by `training.seed`. Looks at no outcome of an evaluation cutoff.
    Raises LeakFound, after the report is stored, if a check failed; MissingInput if features or labels were not built.
    """
    lake, features, training = Lake(config.lake_url), configured_features(config), config.training
    splits = {target: config.split(target, cutoff) for target in map(config.target, config.targets)}
    every = tuple(sorted({one for held in splits.values() for one in (*held.training, held.evaluation)}))
    sample = draw(lake, features, every, users=config.leaks.users, buckets=config.lake.buckets, seed=training.seed)
    asked = [
        OutcomeTask(sample, target, splits[target].training[-NEWEST:], config.leaks, training.seed, training.min_positives)
        for target in map(config.target, config.modelled_targets)
    ]
    with cluster(config) as workers:
        findings = _futures(workers, sample, every, training.seed, show=show)
        for found in workers.map(check_target, asked, label="target", show=show):
            findings += found
    findings += check_values(sample.values(cutoff), config.leaks.max_accumulated, training.seed)
    store(lake, cutoff, Checked(features, sample.timelines_version, splits), findings)
    failed = [finding for finding in findings if not finding.passed]
    logger.info("leak gate as of %s: %d of %d checks failed", cutoff, len(failed), len(findings))
    if failed:
        raise leak_found(cutoff, findings)
    return {
        "cutoff": str(cutoff),
        "passed": True,
        "fingerprint": features.fingerprint,
        "timelines_version": sample.timelines_version,
        "checks": [asdict(finding) for finding in findings],
    }


def _futures(workers: Workers, sample: Sample, cutoffs: Sequence[Cutoff], seed: int, *, show: bool) -> list[Finding]:
    tasks = [FutureTask(sample, bucket, tuple(cutoffs), seed) for bucket in sample.buckets]
    without, other = Compared(), Compared()
    for cut, dealt in workers.map(compare_bucket, tasks, label="sampled bucket", show=show):
        without.add(cut)
        other.add(dealt)
    return [*judged("truncation", without), *judged("permuted_future", other)]
