"""Many events of invented users written straight into the lake's `timelines`, as `refresh` leaves them: for size, not for sense."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.contract import EVENTS
from features.cutoff import DAY_MICROS, EPOCH, Cutoff
from features.timeline import Ints
from pipeline.config import Config
from pipeline.lake import Lake
from pipeline.lake_parts import Part
from pipeline.timeline_bucket import LAYOUT, SCHEMA, TABLE

ITEMS, CATEGORIES = 20_000, 200


def write_timelines(config: Config, end: Cutoff, *, users: int, events: int, days: int, seed: int = 7) -> None:
    """About `events` events of `users` users in the `days` up to `end`; known a day later at most. Few users have many events."""
    lake, random = Lake(config.lake_url), np.random.default_rng(seed)
    parts = [_bucket(lake, config, end, bucket, users, events, days, random) for bucket in range(config.lake.buckets)]
    first, last = end.micros - days * DAY_MICROS, end.micros - 1
    metadata = {"events_version": "0", "buckets": str(config.lake.buckets), "first_known": str(first + 1), "last_event": str(last)}
    lake.commit(TABLE, SCHEMA, {}, parts, metadata=metadata)
    ingested = [(EPOCH + timedelta(microseconds=edge)).date().isoformat() for edge in (first, last)]
    empty = [lake.write_part("events", {"day": day}, "none", EVENTS.empty_table()) for day in ingested]
    lake.commit("events", EVENTS, {}, empty, metadata={})


def _bucket(lake: Lake, config: Config, end: Cutoff, bucket: int, users: int, events: int, days: int, random: np.random.Generator) -> Part:
    numbers = np.arange(bucket, users, config.lake.buckets)
    weights = random.pareto(2.0, len(numbers)) + 0.2
    counts = np.ceil(weights * (events * len(numbers) / users) / weights.sum()).astype(np.int64)
    user = np.repeat(np.arange(len(numbers)), counts)
    span = days * DAY_MICROS
    time = np.sort(user * span + random.integers(0, span, len(user))) % span + end.micros - span
    rows = pa.table(_columns(config, numbers, user, time, random), SCHEMA)
    return lake.write_part(TABLE, {"bucket": str(bucket)}, "timeline", rows, LAYOUT)


def _columns(config: Config, numbers: Ints, user: Ints, time: Ints, random: np.random.Generator) -> dict[str, pa.Array]:
    size = len(user)
    kind = random.integers(0, len(config.source.event_types), size)
    item = np.minimum(random.pareto(1.0, size) * 20, ITEMS - 1).astype(np.int64)
    available = np.minimum(time // DAY_MICROS * DAY_MICROS + DAY_MICROS, time + DAY_MICROS)
    return {
        "event_id": pa.array(np.arange(size)).cast(pa.string()),
        "user_id": _texts([f"user-{number:010d}" for number in numbers], user),
        "event_time": _times(time),
        "available_at": _times(available),
        "event_type": _texts(list(config.source.event_types), kind),
        "item_id": _texts([f"item-{number}" for number in range(ITEMS)], item),
        "category": _texts([f"category-{number}" for number in range(CATEGORIES)], item % CATEGORIES),
        "value": pa.array(random.integers(1, 10**6, size), mask=kind != len(config.source.event_types) - 1),
        "session_id": pa.nulls(size, pa.string()),
        "segment": pa.nulls(size, pa.string()),
    }


def _texts(names: list[str], codes: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(codes))


def _times(micros: Ints) -> pa.Array:
    return pa.array(micros).cast(SCHEMA.field("event_time").type)
