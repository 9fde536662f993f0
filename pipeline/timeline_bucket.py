"""One bucket's timeline, from all of its events or from the last timeline and new days: what a worker does for `refresh`.

Both ways give the same rows in the same order, to the last byte of the file: of several rows of one event the one that was known
first stays, and the first of all is the first of the firsts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from features.contract import EVENTS, FIRST_KNOWN, IDENTITY, bucket_of
from features.timeline import SORT_KEY
from pipeline.errors import ConfigError
from pipeline.lake import Lake
from pipeline.lake_parts import Layout, Part

EVENTS_TABLE = "events"
TABLE = "timelines"
SCHEMA = EVENTS.remove(EVENTS.get_field_index("bucket"))

TEXTS = ("user_id", "event_type", "item_id", "category", "session_id", "segment")
"""Texts that repeat."""

LAYOUT = Layout(dictionaries=TEXTS, differences=("event_time", "available_at", "value"), rows_per_group=262_144, compression="lz4")
"""Timelines are read far more often than written. Features read codes, never the texts, so a row group keeps whole dictionaries; the
fewer groups, the fewer of those. This form is read in 41 ns of CPU per event, smaller groups under zstd in 74 (19 % fewer bytes)."""


@dataclass(frozen=True)
class BucketTask:
    """Build one bucket's timeline from a version of `events`: from its `days` (empty: all of them), onto version `onto` of `timelines`."""

    lake: Lake
    bucket: int
    buckets: int
    events_version: int
    days: tuple[str, ...] = ()
    onto: int | None = None

    def __str__(self) -> str:
        return str(self.bucket)


@dataclass(frozen=True)
class BucketTimeline:
    """A written part, the rows of `events` that were read for it, and its extent in microseconds (None without events)."""

    part: Part
    rows_read: int
    first_known: int | None
    last_event: int | None


def build_bucket(task: BucketTask) -> BucketTimeline:
    """Write the bucket's part of `timelines`; runs on a worker. The bits depend on the events alone, not on the way they came.

    Raises ConfigError for users that belong into another bucket.
    """
    dataset = task.lake.scan(EVENTS_TABLE, version=task.events_version, where=[{"day": day} for day in task.days])
    # Days that were committed before events had a segment read as null there.
    found = dataset.replace_schema(EVENTS).to_table(columns=SCHEMA.names, filter=pc.field("bucket") == task.bucket, use_threads=False)
    _check_bucket(found, task)
    if task.onto is None:
        events = ordered(pl.DataFrame(found))
    else:
        held = task.lake.read(TABLE, {"bucket": str(task.bucket)}, SCHEMA.names, version=task.onto)
        events = merged(_completed(held), pl.DataFrame(found))
    known = events.select(
        first=pl.max_horizontal(pl.col("event_time").dt.offset_by("1us"), "available_at").dt.epoch("us").min(),
        last=pl.col("event_time").dt.epoch("us").max(),
    ).row(0)
    part = task.lake.write_part(TABLE, {"bucket": str(task.bucket)}, uuid4().hex, events.rechunk().to_arrow().cast(SCHEMA), LAYOUT)
    return BucketTimeline(part, found.num_rows, *known)


def ordered(events: pl.DataFrame) -> pl.DataFrame:
    """Each event once, in the order of a timeline; rows in any order."""
    return events.sort(FIRST_KNOWN).unique(IDENTITY, keep="first", maintain_order=True).sort(SORT_KEY)


def merged(timeline: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """`ordered` of both together, where `timeline` is ordered already: only users with new events are put in order again."""
    touched = pl.col("user_id").is_in(new["user_id"].unique().implode())
    changed = ordered(pl.concat([timeline.filter(touched), new]))
    return timeline.filter(~touched).merge_sorted(changed, key="user_id")


def other_buckets(buckets: int, finding: str) -> ConfigError:
    """The number of buckets has changed since the events were ingested."""
    return ConfigError(
        f"lake.buckets = {buckets} is not what the events were ingested with: {finding}",
        mend="set lake.buckets back, or ingest all days again into a new lake",
    )


def extent_metadata(built: Sequence[BucketTimeline]) -> dict[str, str]:
    """From when to when all buckets together reach, for the commit. At least one bucket has events."""
    firsts = [one.first_known for one in built if one.first_known is not None]
    lasts = [one.last_event for one in built if one.last_event is not None]
    return {"first_known": str(min(firsts)), "last_event": str(max(lasts))}


def _completed(held: pa.Table) -> pl.DataFrame:
    """Rows of a timeline; what was written before events had a segment has none."""
    rows = pl.DataFrame(held)
    return rows if "segment" in rows.columns else rows.with_columns(segment=pl.lit(None, pl.String)).select(SCHEMA.names)


def _check_bucket(found: pa.Table, task: BucketTask) -> None:
    strangers = [user for user in pc.unique(found["user_id"]).to_pylist() if bucket_of(user, task.buckets) != task.bucket]
    if strangers:
        raise other_buckets(task.buckets, f"{len(strangers)} users of bucket {task.bucket} belong elsewhere")
