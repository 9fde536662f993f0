"""Put one cutoff's scores where people read: from the lake's `scores` into the warehouse, one transaction per target."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from features.cutoff import Cutoff
from features.target import Target
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.progress import track
from pipeline.warehouse import open_warehouse

logger = logging.getLogger(__name__)

SCORES = "scores"


def run(config: Config, cutoff: Cutoff, *, targets: Sequence[Target], show: bool) -> dict[str, Any]:
    """Publish every target's scores at `cutoff`; what was published, with the checksum of each night as it is read back.

    Raises MissingInput, before anything is written, unless the lake holds the scores of all targets; PublishRefused when a
    night fails its checks. The targets before that one stay published: each night is whole in itself.
    """
    lake = Lake(config.lake_url)
    partitions = {target.name: {"target": target.name, "cutoff": cutoff.key} for target in targets}
    _require_scored(lake, partitions, cutoff)
    scored, refused, checksums = 0, 0, {}
    with open_warehouse(config) as warehouse:
        for name, partition in track(partitions.items(), "publish", len(partitions), show):
            metadata = lake.metadata(SCORES, partition)
            warehouse.publish(lake.read(SCORES, partition), name, cutoff, metadata)
            scored, refused = scored + int(metadata["scored"]), refused + int(metadata["refused"])
            checksums[name] = warehouse.checksum(name, cutoff)
            logger.info("published %s at %s: %s scored, %s refused", name, cutoff, metadata["scored"], metadata["refused"])
    return {"cutoff": str(cutoff), "targets": list(partitions), "rows": scored, "refused": refused, "checksums": checksums}


def _require_scored(lake: Lake, partitions: dict[str, dict[str, str]], cutoff: Cutoff) -> None:
    there = lake.partitions(SCORES)
    if missing := [name for name, partition in partitions.items() if partition not in there]:
        raise MissingInput(
            f"The lake has no scores of {', '.join(missing)} at {cutoff}", mend=f"run `nightcast score --cutoff {cutoff}` first"
        )
