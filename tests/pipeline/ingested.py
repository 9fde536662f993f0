"""A lake with ingested days, written from literal events, and what build-features needs around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.contract import EVENTS, bucket_of
from pipeline.config import Config
from pipeline.lake import Lake
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
    frame = pl.DataFrame(table(*rows)).with_columns(
        bucket=pl.col("user_id").map_elements(lambda user: bucket_of(user, buckets), return_dtype=pl.Int32),
        day=pl.col("event_time").dt.strftime("%Y-%m-%d"),
    )
    parts = {}
    for (day,), batch in frame.sort("day", "bucket", "user_id", "event_time", "available_at", "event_id").group_by(
        "day", maintain_order=True
    ):
        parts[str(day)] = lake.write_part("events", {"day": str(day)}, f"{len(batch)}-{day}", batch.drop("day").to_arrow().cast(EVENTS))
    if lake.version("events") is None:
        lake.commit("events", EVENTS, {}, list(parts.values()), metadata={})
    else:
        for day, part in parts.items():
            lake.commit("events", EVENTS, {"day": day}, [part], metadata={})
    return lake


class InProcess:
    """Stands in for `pipeline.cluster.Workers`: the same results in this process."""

    def map(self, function: Callable[[Any], Any], arguments: Sequence[Any], **_: object) -> list[Any]:
        return [function(argument) for argument in arguments]
