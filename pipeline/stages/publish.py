"""Put one cutoff's scores where people read: from the lake's `scores`, through the gate, into the warehouse, one transaction per target."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.cutoff import Cutoff
from features.target import Target
from pipeline.config import Config
from pipeline.errors import MissingInput, PublishRefused
from pipeline.export import export
from pipeline.full_disk import naming_full_disk
from pipeline.lake import Lake
from pipeline.progress import track
from pipeline.validation.gate import Verdict
from pipeline.validation.score_facts import StagedNight
from pipeline.validation.score_gate import open_score_gate
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.night import run_values
from pipeline.warehouse.night_before import night_before

logger = logging.getLogger(__name__)

SCORES = "scores"


@dataclass(frozen=True)
class Staged:
    """A target's partition of the lake's `scores` in one version, so that the rows that are judged are those that are published."""

    lake: Lake
    target: Target
    cutoff: Cutoff
    version: int
    run: Mapping[str, str]

    def rows(self) -> pa.Table:
        """Its rows."""
        return self.lake.read(SCORES, {"target": self.target.name, "cutoff": self.cutoff.key}, version=self.version)


def run(config: Config, cutoff: Cutoff, *, targets: Sequence[Target], show: bool) -> dict[str, Any]:
    """Publish every target's scores at `cutoff`; what was published, with the checksum of each night as it is read back, and its report.

    What was published is exported where `export.folder` is set.
    Raises MissingInput, before anything is written, unless the lake holds the scores of all targets; at the end PublishRefused with every
    finding if nights did not pass the gate: what was published before stays in their place. The others are published, each whole in itself.
    """
    staged = _staged(Lake(config.lake_url), targets, cutoff)
    verdicts = _judge(config, staged, show)
    scored, refused, checksums = 0, 0, {}
    sound = [each for each in staged if verdicts[each.target.name].passed]
    if sound:
        with open_warehouse(config) as warehouse:
            for each in track(sound, "publish", len(sound), show):
                name, counts = each.target.name, each.run
                warehouse.publish(each.rows(), name, cutoff, counts)
                scored, refused = scored + int(counts["scored"]), refused + int(counts["refused"])
                checksums[name] = warehouse.checksum(name, cutoff)
                logger.info("published %s at %s: %s scored, %s refused", name, cutoff, counts["scored"], counts["refused"])
    exported = export(config, list(checksums), cutoff)
    _require_passed(cutoff, verdicts)
    return {
        "cutoff": str(cutoff),
        "targets": list(checksums),
        "rows": scored,
        "refused": refused,
        "checksums": checksums,
        "exported": exported,
        "reports": {name: verdict.report_url for name, verdict in verdicts.items()},
    }


def _staged(lake: Lake, targets: Sequence[Target], cutoff: Cutoff) -> list[Staged]:
    there, version = lake.partitions(SCORES), lake.version(SCORES)
    partitions = {target: {"target": target.name, "cutoff": cutoff.key} for target in targets}
    missing = [target.name for target, partition in partitions.items() if partition not in there]
    if missing or version is None:
        raise MissingInput(
            f"The lake has no scores of {', '.join(missing)} at {cutoff}", mend=f"run `nightcast score --cutoff {cutoff}` first"
        )
    return [Staged(lake, target, cutoff, version, lake.metadata(SCORES, partition)) for target, partition in partitions.items()]


def _judge(config: Config, staged: Sequence[Staged], show: bool) -> dict[str, Verdict]:
    """The gate's verdict on each target's night; the warehouse is open only while the nights before are read."""
    days, verdicts = config.publish.compare_within_days, {}
    runs = [run_values(each.run, each.target.name, each.cutoff) for each in staged]
    with open_warehouse(config) as warehouse:
        before = [night_before(warehouse, each.target.name, each.cutoff, days) for each in staged]
    with (
        naming_full_disk(config.root),
        tempfile.TemporaryDirectory(prefix="nightcast-") as folder,
        open_score_gate(config, Path(folder)) as gate,
    ):
        nights = zip(staged, runs, before, strict=True)
        for each, said, last in track(nights, "check", len(staged), show):
            night = StagedNight(each.target.name, each.cutoff, each.rows(), said, each.run.get("model_kind", ""))
            verdicts[night.target] = gate.check(night, each.target, last)
    return verdicts


def _require_passed(cutoff: Cutoff, verdicts: Mapping[str, Verdict]) -> None:
    """Raises PublishRefused with every finding of the nights that did not pass."""
    wrong = {name: verdict for name, verdict in verdicts.items() if not verdict.passed}
    if not wrong:
        return
    found = [
        f"Scores of {name} at {cutoff} failed {len(verdict.failures)} requirement(s):\n"
        + "\n".join(f"  {failure}" for failure in verdict.failures)
        for name, verdict in wrong.items()
    ]
    raise PublishRefused(
        "\n".join(found),
        mend=f"read {', '.join(verdict.report_url for verdict in wrong.values())}; what was published before stays; "
        "look into the scoring run, or correct [publish], score again, then publish",
    )
