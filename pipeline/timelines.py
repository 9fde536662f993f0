"""The lake's `timelines`: every event once, by bucket, in the order in which features read them. Derived from `events`, rebuildable."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.cutoff import EPOCH
from features.timeline import Timeline, from_sorted
from pipeline.cluster import Workers
from pipeline.config import Config
from pipeline.errors import MissingInput, NoEvents
from pipeline.lake import Lake
from pipeline.refresh_lock import refresh_lock
from pipeline.timeline_bucket import (
    EVENTS_TABLE,
    SCHEMA,
    TABLE,
    TEXTS,
    BucketTask,
    BucketTimeline,
    build_bucket,
    extent_metadata,
    other_buckets,
)

logger = logging.getLogger(__name__)

EVENTS_PER_BLOCK = 196_608
"""Less than a row group, so that most blocks are one: about 30 MB while it is read and 16 MB after that."""

READ = [name for name in SCHEMA.names if name not in ("event_id", "segment")]
"""Columns that a timeline is made of; the rows are in the order of their ids already, and no feature reads the segment."""


@dataclass(frozen=True)
class Extent:
    """first_known: the earliest cutoff at which an event is visible; last_event: the latest event time. Both UTC."""

    first_known: datetime
    last_event: datetime


@dataclass(frozen=True)
class Refreshed:
    """A version of `timelines`, and the version of `events` that it holds."""

    version: int
    events_version: int


def refresh(lake: Lake, config: Config, workers: Workers, show: bool) -> Refreshed:
    """Bring `timelines` up to the current `events`. Does nothing if it already is.

    Where days were only added since the version of `events` that it holds, their events are merged into it; where a day was replaced,
    or the timelines cannot be read, it is rebuilt from all of them. Both give the same bytes. Its last `lake.keep_versions` versions
    stay whole, so that a run which is under way can finish on the one it began with: at most `lake.buckets` x `lake.keep_versions`
    files, and those of refreshes that died in the last `lake.retention_days`.

    Raises NoEvents before the first ingest, ConfigError if `lake.buckets` is not what the events were ingested with, Busy if
    another refresh holds the lake.
    """
    with _only_refresh(lake):
        events_version, version = lake.version(EVENTS_TABLE), lake.version(TABLE)
        if events_version is None or not lake.partitions(EVENTS_TABLE):
            raise NoEvents(f"The lake under {lake.url} has no events yet", mend="run `nightcast ingest --from DATE --to DATE` first")
        recorded = lake.metadata(TABLE, {}) if version is not None else {}
        if version is not None and recorded.get("events_version") == str(events_version):
            return Refreshed(version, events_version)
        built = _build(lake, config, workers, show, recorded=recorded, events_version=events_version, version=version)
        metadata = {"events_version": str(events_version), "buckets": str(config.lake.buckets), **extent_metadata(built)}
        committed = lake.commit(TABLE, SCHEMA, {}, [one.part for one in built], metadata=metadata, expected=version)
        logger.info("timelines now hold version %d of events: %d rows", events_version, sum(one.part.rows for one in built))
        lake.tidy(TABLE, keep_versions=config.lake.keep_versions, retention_days=config.lake.retention_days)
        return Refreshed(committed, events_version)


def load(lake: Lake, bucket: int, event_types: Sequence[str], version: int) -> Timeline:
    """The timeline of a bucket as of a version of the table; raises what `blocks` raises."""
    return _timeline(pa.concat_tables(_row_groups(lake, bucket, version)), bucket, event_types)


def blocks(
    lake: Lake, bucket: int, event_types: Sequence[str], version: int, *, events: int = EVENTS_PER_BLOCK, users: int | None = None
) -> Iterator[Timeline]:
    """The same bucket as timelines of whole users, one after the other, users in order: memory does not grow with the bucket.

    A block has at most about `events` events (one row group more, or all of a user who alone has more) and at most `users` users.
    An empty bucket is one empty block.
    Raises MissingInput if the bucket is not there or not kept any more, or is not in the order of a timeline.
    """
    for rows in _whole_users(_row_groups(lake, bucket, version), events):
        block = _timeline(rows, bucket, event_types)
        size = users or max(block.users, 1)
        yield from (block.of_users(first, min(first + size, block.users)) for first in range(0, max(block.users, 1), size))


def extent(lake: Lake) -> Extent:
    """From when to when the current timelines reach. Raises MissingInput before the first refresh."""
    found = lake.metadata(TABLE, {})
    if not found:
        raise MissingInput(f"The lake under {lake.url} has no timelines yet", mend="run `nightcast build-features --cutoff …` first")
    return Extent(*(EPOCH + timedelta(microseconds=int(found[name])) for name in ("first_known", "last_event")))


def _row_groups(lake: Lake, bucket: int, version: int) -> Iterator[pa.Table]:
    try:
        yield from lake.row_groups(
            TABLE, {"bucket": str(bucket)}, READ, dictionaries=[name for name in TEXTS if name in READ], version=version
        )
    except MissingInput as error:
        raise MissingInput(
            error.message, mend="run `nightcast build-features` for this cutoff again, or keep more (lake.keep_versions)"
        ) from error


def _whole_users(groups: Iterator[pa.Table], events: int) -> Iterator[pa.Table]:
    """Rows of whole users, joined until there are at least `events` of them."""
    held: list[pa.Table] = []
    open_user = None
    for group in groups:
        user, begin = _last_user(group)
        whole = [*held, group.slice(0, begin)]
        if (begin or user != open_user) and sum(map(len, whole)) >= events:
            yield pa.concat_tables(whole)
            held = [group.slice(begin)]
        else:
            held.append(group)
        open_user = user
    yield pa.concat_tables(held)


def _last_user(rows: pa.Table) -> tuple[str | None, int]:
    """The user of the last row, and where the rows of that user begin."""
    if not len(rows):
        return None, 0
    codes = rows["user_id"].combine_chunks().indices.to_numpy()
    others = np.flatnonzero(codes != codes[-1])
    return rows["user_id"][-1].as_py(), int(others[-1]) + 1 if len(others) else 0


def _timeline(rows: pa.Table, bucket: int, event_types: Sequence[str]) -> Timeline:
    try:
        return from_sorted(rows, event_types)
    except ValueError as error:
        raise MissingInput(
            f"The stored timeline of bucket {bucket} cannot be used: {error}",
            mend=f"correct source.event_types, or remove the table '{TABLE}' from the lake and run `nightcast build-features` again",
        ) from error


def _build(
    lake: Lake, config: Config, workers: Workers, show: bool, *, recorded: Mapping[str, str], events_version: int, version: int | None
) -> list[BucketTimeline]:
    buckets = config.lake.buckets
    days = _added_days(lake, recorded, events_version) if recorded.get("buckets") == str(buckets) else None
    if days is not None:
        tasks = [BucketTask(lake, bucket, buckets, events_version, days, version) for bucket in range(buckets)]
        try:
            return _checked(tasks, workers.map(build_bucket, tasks, label="timeline bucket", show=show))
        except (MissingInput, OSError, pa.ArrowException) as error:
            logger.warning("timelines cannot be merged with new events (%s) and are rebuilt from all events", error)
    tasks = [BucketTask(lake, bucket, buckets, events_version) for bucket in range(buckets)]
    return _checked(tasks, workers.map(build_bucket, tasks, label="timeline bucket", show=show))


def _added_days(lake: Lake, recorded: Mapping[str, str], events_version: int) -> tuple[str, ...] | None:
    """Days whose files were added since the version that the timelines hold; None if a file went, or that version is forgotten."""
    try:
        before = lake.files(EVENTS_TABLE, version=int(recorded["events_version"]))
    except MissingInput:
        return None
    now = lake.files(EVENTS_TABLE, version=events_version)
    if before.keys() - now.keys():
        return None
    return tuple(sorted(now[path]["day"] for path in now.keys() - before.keys()))


def _checked(tasks: Sequence[BucketTask], built: list[BucketTimeline]) -> list[BucketTimeline]:
    """`built`, if its buckets have read every row between them; see `refresh` for what is raised."""
    task = tasks[0]
    dataset = task.lake.scan(EVENTS_TABLE, version=task.events_version, where=[{"day": day} for day in task.days])
    rows, read = dataset.count_rows(), sum(one.rows_read for one in built)
    if rows != read:
        raise other_buckets(task.buckets, f"{rows - read} of {rows} events lie in other buckets")
    if not any(one.part.rows for one in built):
        raise NoEvents(f"The days ingested into {task.lake.url} hold no event", mend="check the quarantine, then ingest again")
    return built


@contextmanager
def _only_refresh(lake: Lake) -> Iterator[None]:
    """In a remote lake, where no file lock reaches, two refreshes end in Busy for the later commit."""
    if "://" in lake.url:
        yield
    else:
        with refresh_lock(Path(lake.uri(TABLE)).with_suffix(".lock")):
            yield
