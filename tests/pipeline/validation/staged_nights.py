"""Made-up nights as the gate of the scores sees them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from features.cutoff import Cutoff
from features.target import Kind, Target
from pipeline.config import Config
from pipeline.validation.gate import Verdict
from pipeline.validation.score_facts import StagedNight
from pipeline.validation.score_gate import open_score_gate
from pipeline.warehouse.night import run_values
from pipeline.warehouse.night_before import NightBefore
from tests.warehouse.nights import CUTOFF, TARGET, run_of

YESTERDAY = CUTOFF.plus_days(-1)


def target(kind: Kind = "occurs") -> Target:
    return Target(TARGET, kind, "purchase", 7)


def staged(rows: pa.Table, *, model_kind: str = "", cutoff: Cutoff = CUTOFF, **run: str) -> StagedNight:
    """The rows with what their run said of itself; keywords say something else."""
    return StagedNight(TARGET, cutoff, rows, run_values(run_of(rows, **run), TARGET, cutoff), model_kind)


def published(rows: pa.Table, *, version: str = "4", cutoff: Cutoff = YESTERDAY) -> NightBefore:
    """The rows as the night before."""
    return NightBefore(cutoff, f"nightcast.{TARGET}", version, rows.filter(rows["raw_score"].is_valid()).select(["raw_score", "score"]))


def judge(config: Config, folder: Path, night: StagedNight, kind: Kind = "occurs", before: NightBefore | None = None) -> Verdict:
    with open_score_gate(config, folder) as gate:
        return gate.check(night, target(kind), before)
