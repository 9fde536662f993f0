"""The event contract: the one shape in which events enter the lake."""

from __future__ import annotations

import hashlib

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")

VALUE_SCALE = 10_000
"""`value` is stored as an integer of ten-thousandths of the source's unit, so sums are exact in any order."""

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
        pa.field("bucket", pa.int32(), nullable=False),
    ]
)
"""One row per event.

event_id      the source's id, or a digest of the whole source row; unique in a day
event_time    when it happened, UTC microseconds
available_at  when it could have been known, UTC microseconds; data, never the wall clock
event_type    one of `source.event_types`
value         ten-thousandths of the source's unit; null where the event carries none
bucket        `bucket_of(user_id)`
"""


def bucket_of(user_id: str, buckets: int) -> int:
    """The bucket of a user: the first 8 hexadecimal digits of the MD5 of the UTF-8 id, modulo `buckets`.

    MD5 because every language and SQL engine has it: the same in DuckDB as `('0x' || md5(user_id)[:8])::UBIGINT % n`.
    """
    return int(hashlib.md5(user_id.encode(), usedforsecurity=False).hexdigest()[:8], 16) % buckets
