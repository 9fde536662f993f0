"""The event contract: the one shape in which events enter the lake, and what each of their columns may hold.

Event types are the configuration's (`source.event_types`). Rows that break the contract are refused one by one
(`pipeline.source.rules`), and a day's file is checked against it once more as a whole (`pipeline.validation`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa

from features.cutoff import Cutoff

TIMESTAMP = pa.timestamp("us", tz="UTC")

VALUE_SCALE = 10_000
"""`value` is stored as an integer of ten-thousandths of the source's unit, so sums are exact in any order."""

VALUE_RANGE = (-(2**63), 2**63 - 1)
"""Least and greatest `value`, in ten-thousandths: whatever 64 bits hold."""

EARLIEST = Cutoff(datetime(1971, 1, 1, tzinfo=UTC))
"""Event times before this are defaults and defects, such as 1970-01-01."""

LATEST = Cutoff(datetime(2100, 1, 1, tzinfo=UTC))
"""Times from here on are defaults and defects, such as 9999-12-31; an event's own time ends with its batch and a tolerance."""

LONGEST: Mapping[str, int] = {"user_id": 256, **dict.fromkeys(("event_id", "item_id", "category", "session_id", "segment"), 1024)}
"""Most characters of a text; of an `event_id` before repeats that are kept get their number. None holds a NUL character."""

EVENTS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("event_time", TIMESTAMP, nullable=False),
        pa.field("available_at", TIMESTAMP, nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("item_id", pa.string()),
        pa.field("category", pa.string()),
        pa.field("value", pa.int64()),
        pa.field("session_id", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("bucket", pa.int32(), nullable=False),
    ]
)
"""One row per event.

event_id      the source's id, or a digest of what identifies the row; unique for its user, and in a day's batch for certain
event_time    when it happened, UTC microseconds, from `EARLIEST` on
available_at  when it could have been known, UTC microseconds, never before `event_time`, before `LATEST`; data, never the wall clock
event_type    one of `source.event_types`
value         ten-thousandths of the source's unit; null where the event carries none
segment       the group that its user belonged to, such as a country: no feature reads it, models are judged by it
bucket        `bucket_of(user_id)`
"""

IDENTITY = ("user_id", "event_id")
"""What makes two rows the same event. The user is part of it, so that the answer does not depend on who shares a bucket."""

FIRST_KNOWN = ("available_at", "event_time", "event_type", "item_id", "category", "value", "session_id", "segment")
"""Of several rows of the same event the one that was known first counts; the other columns break ties."""


def bucket_of(user_id: str, buckets: int) -> int:
    """The bucket of a user: the first 8 hexadecimal digits of the MD5 of the UTF-8 id, modulo `buckets`.

    MD5 because every language and SQL engine has it: the same in DuckDB as `('0x' || md5(user_id)[:8])::UBIGINT % n`.
    """
    return int(hashlib.md5(user_id.encode(), usedforsecurity=False).hexdigest()[:8], 16) % buckets
