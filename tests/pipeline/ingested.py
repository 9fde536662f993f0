"""A lake with ingested days, written from literal events, and what build-features needs around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl

from features.contract import EVENTS, bucket_of
from pipeline.config import Config
from pipeline.lake import Lake
from pipeline.lake_parts import Part
from tests.features.literal import TYPES, Row, event, table

BUCKETS = 3


def configuration(root: Path, **sections: Any) -> Config:
    """Two targets of a week each and two training cutoffs; `sections` replace whole sections."""
    return Config.model_validate(
        {
            "root": root,
            "source": {"files": "{date}.csv", "event_types": TYPES, "columns": {"user_id": "u", "event_time": "t", "event_type": "e"}},
            "lake": {"buckets": BUCKETS},
            "dask": {"workers": 2, "memory_limit": "1GiB", "timeout_minutes": 2},
            "windows": {"lookback_days": 30, "days": (7, 30)},
            "targets": {
                "buys": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7},
                "quiet": {"kind": "absent", "horizon_days": 5, "eligible": {"within_days": 14}},
            },
            "training": {"cutoffs": 2, "step_days": 7},
            **sections,
        }
    )


def shop(users: int = 12, days: int = 60, seed: int = 7) -> list[Row]:
    """Users with an event now and then in the days up to the cutoff."""
    random = np.random.default_rng(seed)
    return [
        event(
            f"u{user}", float(ago), "purchase" if random.random() < 0.4 else "view", known=float(np.floor(ago)), event_id=f"{user}-{place}"
        )
        for user in range(users)
        for place, ago in enumerate(random.uniform(0, days, 20))
    ]


def ingest(config: Config, rows: Sequence[Row], *, buckets: int = BUCKETS) -> Lake:
    """One part of `events` for each UTC day, sorted as the contract says; later calls replace the days they are called with."""
    lake = Lake(config.lake_url)
    days = {str(day): batch.drop("day") for (day,), batch in _frame(rows, buckets).sort("day").group_by("day", maintain_order=True)}
    parts = {day: _part(lake, day, batch) for day, batch in days.items()}
    if lake.version("events") is None:
        lake.commit("events", EVENTS, {}, list(parts.values()), metadata={})
    else:
        for day, part in parts.items():
            lake.commit("events", EVENTS, {"day": day}, [part], metadata={})
    return lake


def ingest_batch(config: Config, day: str, rows: Sequence[Row], *, buckets: int = BUCKETS) -> Lake:
    """Replace one day of `events` by what came on it, whenever that happened."""
    lake = Lake(config.lake_url)
    part = _part(lake, day, _frame(rows, buckets).drop("day"))
    lake.commit("events", EVENTS, {"day": day}, [part], metadata={})
    return lake


def _frame(rows: Sequence[Row], buckets: int) -> pl.DataFrame:
    return pl.DataFrame(table(*rows)).with_columns(
        bucket=pl.col("user_id").map_elements(lambda user: bucket_of(user, buckets), return_dtype=pl.Int32),
        day=pl.col("event_time").dt.strftime("%Y-%m-%d"),
    )


def _part(lake: Lake, day: str, batch: pl.DataFrame) -> Part:
    events = batch.sort("bucket", "user_id", "event_time", "available_at", "event_id").to_arrow().cast(EVENTS)
    return lake.write_part("events", {"day": day}, uuid4().hex, events)


class InProcess:
    """Stands in for `pipeline.cluster.Workers`: the same results in this process."""

    def map(self, function: Callable[[Any], Any], arguments: Sequence[Any], **_: object) -> list[Any]:
        return [function(argument) for argument in arguments]
