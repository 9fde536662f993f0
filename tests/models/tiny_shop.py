"""Small timelines: written by hand, or drawn from processes without memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from features.contract import EVENTS
from features.cutoff import DAY_MICROS, Cutoff
from features.timeline import Timeline, from_events

EVENT_TYPES = ("view", "cart", "purchase")
START = Cutoff(datetime(2026, 1, 1, tzinfo=UTC))

Event = tuple[str, float, str]
"""User, days since `START`, event type."""


def written(events: Sequence[Event], event_types: Sequence[str] = EVENT_TYPES) -> Timeline:
    """The timeline of these events; users, item and value follow from them."""
    times = [START.micros + round(days * DAY_MICROS) for _, days, _ in events]
    columns = {
        "event_id": [f"e{number}" for number in range(len(events))],
        "user_id": [user for user, _, _ in events],
        "event_time": times,
        "available_at": times,
        "event_type": [kind for _, _, kind in events],
        "item_id": [f"item{round(days * 24) % 7}" for _, days, _ in events],
        "category": [f"category{round(days * 24) % 3}" for _, days, _ in events],
        "value": [50_000 if kind == "purchase" else None for _, _, kind in events],
        "session_id": [None] * len(events),
        "segment": [None] * len(events),
        "bucket": [0] * len(events),
    }
    return from_events(pa.table({field.name: pa.array(columns[field.name]).cast(field.type) for field in EVENTS}, EVENTS), event_types)


def memoryless(users: int, days: float, per_day: float, seed: int, name: str = "u") -> Timeline:
    """Everyone's events come at one constant rate, types at random: the past says nothing about the future."""
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(users), random.poisson(per_day * days, users))
    times = random.uniform(0, days, len(owner))
    kinds = random.choice(EVENT_TYPES, len(owner), p=(0.6, 0.2, 0.2))
    return written([(f"{name}{user:05d}", float(time), str(kind)) for user, time, kind in zip(owner, times, kinds, strict=True)])
