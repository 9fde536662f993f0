"""The same synthetic events in the form that each engine reads best: the lake's timelines, an Arrow file, a DuckDB table.

A year of events of five types, about 50 a user, gamma-distributed; 20,000 items; one in 100 becomes known up to three days late.
Polars and DuckDB get numbers where the lake has texts, in the order of the lake: `user` is the user's position in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.contract import TIMESTAMP, VALUE_SCALE, bucket_of
from features.cutoff import DAY_MICROS, Cutoff
from pipeline.lake import Lake
from pipeline.timeline_bucket import LAYOUT, SCHEMA, TABLE

TYPES = ("view", "cart", "purchase", "review", "return")
SHARES = (0.6, 0.2, 0.1, 0.07, 0.03)
ITEMS, USUAL, DAYS = 20_000, 50, 365
END = Cutoff(datetime(2026, 1, 1, tzinfo=UTC))
BUCKETS = 16
ROWS_PER_CHUNK = 131_072


@dataclass(frozen=True)
class Coded:
    """The events of a bucket as numbers, in the order of its timeline."""

    user: np.ndarray
    event_time: np.ndarray
    available_at: np.ndarray
    event_type: np.ndarray
    item: np.ndarray
    value: np.ndarray

    def table(self) -> pa.Table:
        """What Polars and DuckDB store: narrow numbers; times as microseconds."""
        types = {"user": pa.uint32(), "event_type": pa.uint8(), "item": pa.uint16()}
        return pa.table({name: pa.array(values).cast(types.get(name, pa.int64())) for name, values in vars(self).items()})

    def timeline(self, names: pa.Array) -> pa.Table:
        """What the lake stores. `names` (U,) are the users' ids."""
        items = pa.array([f"item-{item:05d}" for item in range(ITEMS)])
        columns = {
            "event_id": pa.array([f"{number:012x}" for number in range(len(self.user))]),
            "user_id": names.take(pa.array(self.user)),
            "event_time": pa.array(self.event_time).cast(TIMESTAMP),
            "available_at": pa.array(self.available_at).cast(TIMESTAMP),
            "event_type": pa.array(TYPES).take(pa.array(self.event_type)),
            "item_id": items.take(pa.array(self.item)),
            "category": pa.nulls(len(self.user), pa.string()),
            "value": pa.array(self.value),
            "session_id": pa.nulls(len(self.user), pa.string()),
            "segment": pa.nulls(len(self.user), pa.string()),
        }
        return pa.table(columns, SCHEMA)


def make(folder: Path, events: int) -> dict[str, Any]:
    """Write all three forms, the same for the same number: `events`, and `users` in each bucket."""
    import duckdb

    names, sizes = _users(events // USUAL)
    lake, parts, rows = Lake(str(folder / "lake")), [], 0
    schema = next(_buckets(names[:1], [1])).table().schema
    with duckdb.connect(str(folder / "events.duckdb")) as database, pa.ipc.new_file(folder / "events.arrow", schema) as arrow:
        for bucket, coded in enumerate(_buckets(names, sizes)):
            part = lake.write_part(TABLE, {"bucket": str(bucket)}, "timeline", coded.timeline(pa.array(names)), LAYOUT)
            parts.append(part)
            rows += part.rows
            found = coded.table()
            arrow.write_table(found, max_chunksize=ROWS_PER_CHUNK)
            database.execute(f"{'INSERT INTO events' if bucket else 'CREATE TABLE events AS'} FROM found").fetchall()
    lake.commit(TABLE, SCHEMA, {}, parts, metadata={})
    return {"events": rows, "users": sizes}


def _users(count: int) -> tuple[list[str], list[int]]:
    """Ids, bucket by bucket and in order, and how many each bucket has."""
    ids = [f"user-{number:08d}" for number in range(count)]
    buckets = [[name for name in ids if bucket_of(name, BUCKETS) == bucket] for bucket in range(BUCKETS)]
    return [name for bucket in buckets for name in bucket], [len(bucket) for bucket in buckets]


def _buckets(names: list[str], sizes: list[int]) -> Iterator[Coded]:
    first = 0
    for bucket, size in enumerate(sizes):
        random = np.random.default_rng([len(names), bucket])
        each = 1 + random.poisson(random.gamma(1.0, USUAL - 1, size))
        user, count = np.repeat(np.arange(first, first + size), each), int(each.sum())
        time = END.micros - random.integers(1, DAYS * 86_400_000, count) * 1000
        known = time + np.where(random.random(count) < 0.01, random.integers(0, 3 * DAY_MICROS, count), 0)
        order = np.lexsort((known, time, user))
        kind, item = random.choice(len(TYPES), count, p=SHARES), random.integers(0, ITEMS, count)
        yield Coded(user, time[order], known[order], kind, item, random.integers(0, 100_000, count) * (VALUE_SCALE // 100))
        first += size
