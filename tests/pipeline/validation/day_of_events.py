"""A valid day of events, to be changed by a test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from features.contract import EVENTS
from features.cutoff import Cutoff

DAY = date(2026, 1, 31)
MORNING = datetime(2026, 1, 31, 8, tzinfo=UTC)
END = Cutoff(datetime(2026, 2, 2, tzinfo=UTC))


def events(count: int = 4, **changed: list[Any]) -> pa.Table:
    """Valid events, one a minute; keywords replace columns."""
    columns: dict[str, list[Any]] = {
        "event_id": [f"e{row}" for row in range(count)],
        "user_id": [f"user-{row % 2}" for row in range(count)],
        "event_time": [MORNING + timedelta(minutes=row) for row in range(count)],
        "available_at": [MORNING + timedelta(days=1)] * count,
        "event_type": ["view"] * count,
        "item_id": ["apple"] * count,
        "category": [None] * count,
        "value": [10_000] * count,
        "session_id": [None] * count,
        "bucket": [0] * count,
    }
    nullable = pa.schema([field.with_nullable(True) for field in EVENTS])
    return pa.table({**columns, **changed}, schema=nullable)
