"""The lake's `timelines`: every event once, by bucket, in the order in which features read them. Derived from `events`, rebuildable."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from features.contract import EVENTS, bucket_of
from features.cutoff import EPOCH
from features.timeline import SORT_KEY, Timeline, from_events
from pipeline.cluster import Workers
from pipeline.config import Config
from pipeline.errors import ConfigError, MissingInput, NoEvents
from pipeline.lake import Lake, Part
from pipeline.refresh_lock import refresh_lock

logger = logging.getLogger(__name__)

EVENTS_TABLE = "events"
TABLE = "timelines"
SCHEMA = EVENTS.remove(EVENTS.get_field_index("bucket"))

IDENTITY = ("user_id", "event_id")
"""What makes two rows the same event. The user is part of it, so that the answer does not depend on who shares a bucket."""

FIRST_KNOWN = ("available_at", "event_time", "event_type", "item_id", "category", "value", "session_id")
"""Of several rows of the same event the one that was known first is kept; the other columns break ties."""


@dataclass(frozen=True)
class Extent:
    """first_known: the earliest cutoff at which an event is visible; last_event: the latest event time. Both UTC."""

    first_known: datetime
    last_event: datetime


@dataclass(frozen=True)
class BucketTask:
    """Build one bucket's timeline from the given version of `events`."""

    lake: Lake
    bucket: int
    buckets: int
    events_version: int

    def __str__(self) -> str:
        return str(self.bucket)


@dataclass(frozen=True)
class BucketTimeline:
    """A written part, the rows it was made from, and its extent in microseconds (None without events)."""

    part: Part
    rows_read: int
    first_known: int | None
    last_event: int | None


def refresh(lake: Lake, config: Config, workers: Workers, show: bool) -> int:
    """Bring `timelines` up to the current `events`; its version. Does nothing if it already is.

    Raises NoEvents before the first ingest, ConfigError if `lake.buckets` is not what the events were ingested with, Busy if
    another refresh holds the lake.
    """
    with _only_refresh(lake):
        events_version, version = lake.version(EVENTS_TABLE), lake.version(TABLE)
        if events_version is None or not lake.partitions(EVENTS_TABLE):
            raise NoEvents(f"The lake under {lake.url} has no events yet", mend="run `nightcast ingest --from DATE --to DATE` first")
        if version is not None and lake.metadata(TABLE, {}).get("events_version") == str(events_version):
            return version
        tasks = [BucketTask(lake, bucket, config.lake.buckets, events_version) for bucket in range(config.lake.buckets)]
        built = workers.map(build_bucket, tasks, label="timeline bucket", show=show)
        _check_rows(lake, events_version, built, config.lake.buckets)
        metadata = {"events_version": str(events_version), **_extent_metadata(built)}
        committed = lake.commit(TABLE, SCHEMA, {}, [one.part for one in built], metadata=metadata, expected=version)
        logger.info("timelines now hold version %d of events: %d rows", events_version, sum(one.part.rows for one in built))
        return committed


def load(lake: Lake, bucket: int, event_types: Sequence[str], version: int) -> Timeline:
    """The timeline of a bucket as of a version of the table; MissingInput if there is none."""
    return from_events(lake.read(TABLE, {"bucket": str(bucket)}, SCHEMA.names, version=version), event_types)


def extent(lake: Lake) -> Extent:
    """From when to when the current timelines reach. Raises MissingInput before the first refresh."""
    found = lake.metadata(TABLE, {})
    if not found:
        raise MissingInput(f"The lake under {lake.url} has no timelines yet", mend="run `nightcast build-features --cutoff …` first")
    return Extent(*(EPOCH + timedelta(microseconds=int(found[name])) for name in ("first_known", "last_event")))


def build_bucket(task: BucketTask) -> BucketTimeline:
    """Write the bucket's part of `timelines`; runs on a worker. The bits depend on the events alone."""
    dataset = task.lake.scan(EVENTS_TABLE, version=task.events_version)
    found = dataset.to_table(columns=SCHEMA.names, filter=pc.field("bucket") == task.bucket, use_threads=False)
    _check_bucket(found, task)
    events = pl.DataFrame(found).sort(FIRST_KNOWN).unique(IDENTITY, keep="first", maintain_order=True).sort(SORT_KEY)
    known = events.select(
        first=pl.max_horizontal(pl.col("event_time").dt.offset_by("1us"), "available_at").dt.epoch("us").min(),
        last=pl.col("event_time").dt.epoch("us").max(),
    ).row(0)
    part = task.lake.write_part(TABLE, {"bucket": str(task.bucket)}, uuid4().hex, events.to_arrow().cast(SCHEMA))
    return BucketTimeline(part, found.num_rows, *known)


@contextmanager
def _only_refresh(lake: Lake) -> Iterator[None]:
    """In a remote lake, where no file lock reaches, two refreshes end in Busy for the later commit."""
    if "://" in lake.url:
        yield
    else:
        with refresh_lock(Path(lake.uri(TABLE)).with_suffix(".lock")):
            yield


def _check_bucket(found: pa.Table, task: BucketTask) -> None:
    strangers = [user for user in pc.unique(found["user_id"]).to_pylist() if bucket_of(user, task.buckets) != task.bucket]
    if strangers:
        raise _other_buckets(task.buckets, f"{len(strangers)} users of bucket {task.bucket} belong elsewhere")


def _check_rows(lake: Lake, events_version: int, built: Sequence[BucketTimeline], buckets: int) -> None:
    rows, read = lake.scan(EVENTS_TABLE, version=events_version).count_rows(), sum(one.rows_read for one in built)
    if rows == 0:
        raise NoEvents(f"The days ingested into {lake.url} hold no event", mend="check the quarantine, then ingest again")
    if rows != read:
        raise _other_buckets(buckets, f"{rows - read} of {rows} events lie in other buckets")


def _other_buckets(buckets: int, finding: str) -> ConfigError:
    return ConfigError(
        f"lake.buckets = {buckets} is not what the events were ingested with: {finding}",
        mend="set lake.buckets back, or ingest all days again into a new lake",
    )


def _extent_metadata(built: Sequence[BucketTimeline]) -> dict[str, str]:
    firsts = [one.first_known for one in built if one.first_known is not None]
    lasts = [one.last_event for one in built if one.last_event is not None]
    return {"first_known": str(min(firsts)), "last_event": str(max(lasts))}
