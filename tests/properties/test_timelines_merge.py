"""Timelines that were merged night by night are, byte for byte, the timelines that are built from all events at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from features.cutoff import EPOCH
from features.timeline import SORT_KEY
from pipeline.config import Config
from pipeline.lake import Lake
from pipeline.timelines import extent, refresh
from tests.features.literal import DAY, HOUR, TYPES, Row, event
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest_batch

DAYS = [f"2026-03-0{day}" for day in range(1, 5)]

USERS = "abcf"
"""Three of them share a bucket, so that users with new events lie between users without."""


@st.composite
def deliveries(draw: st.DrawFn) -> Row:
    """One of few events, delivered on time or late, now and then again and changed."""
    ago = draw(st.integers(0, 5)) * DAY
    return event(
        draw(st.sampled_from(USERS)),
        ago,
        draw(st.sampled_from(TYPES)),
        known=ago - draw(st.sampled_from([0, HOUR, DAY, 3 * DAY])),
        event_id=draw(st.sampled_from("xy")),
        item_id=draw(st.sampled_from(["x", "y", None])),
        value=draw(st.sampled_from([None, 1, 2])),
        session_id=draw(st.sampled_from(["s", None])),
        segment=draw(st.sampled_from(["n", None])),
    )


@dataclass(frozen=True)
class Night:
    """A day comes in, for the first time or again; a refresh may follow."""

    day: str
    rows: list[Row]
    refreshed: bool


NIGHTS = st.lists(st.builds(Night, st.sampled_from(DAYS), st.lists(deliveries(), max_size=6), st.booleans()), min_size=1, max_size=7)


@contextmanager
def shop() -> Iterator[Config]:
    with tempfile.TemporaryDirectory() as folder:
        yield configuration(Path(folder))


def refreshed(config: Config) -> list[bytes]:
    """The files of the timelines by bucket."""
    lake = Lake(config.lake_url)
    files = lake.files("timelines", version=refresh(lake, config, InProcess(), show=False).version)
    assert len(files) == BUCKETS
    return [Path(path).read_bytes() for path in sorted(files, key=lambda path: files[path]["bucket"])]


@given(NIGHTS)
@settings(max_examples=60)
def test_night_by_night_equals_all_at_once(nights: list[Night]) -> None:
    present: dict[str, list[Row]] = {}
    with shop() as stepwise, shop() as at_once:
        for night in nights:
            present[night.day] = night.rows
            ingest_batch(stepwise, night.day, night.rows)
            if night.refreshed and any(present.values()):
                refreshed(stepwise)
        if any(present.values()):
            for day, rows in sorted(present.items(), reverse=True):
                ingest_batch(at_once, day, rows)
            assert refreshed(stepwise) == refreshed(at_once)
            assert extent(Lake(stepwise.lake_url)) == extent(Lake(at_once.lake_url))
            check_rows(Lake(stepwise.lake_url), [row for rows in present.values() for row in rows])


def check_rows(lake: Lake, rows: list[Row]) -> None:
    """Each event of each user once, as it was first known, in order."""
    found = [{**row, **{name: (row[name] - EPOCH) // (EPOCH.resolution) for name in ("event_time", "available_at")}} for row in held(lake)]
    assert {(row["user_id"], row["event_id"]) for row in found} == {(row["user_id"], row["event_id"]) for row in rows}
    for row in found:
        same = [each for each in rows if (each["user_id"], each["event_id"]) == (row["user_id"], row["event_id"])]
        assert row["available_at"] == min(each["available_at"] for each in same)
        assert any(each.items() <= row.items() for each in same)


def held(lake: Lake) -> list[Row]:
    rows: list[Row] = []
    for bucket in range(BUCKETS):
        part = lake.read("timelines", {"bucket": str(bucket)}).drop_columns("bucket").to_pylist()
        keys = [tuple(row[name] for name in SORT_KEY) for row in part]
        assert keys == sorted(set(keys))
        rows += part
    return rows
