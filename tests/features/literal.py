"""Events written as literals: each says how many days before the cutoff it happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from features.contract import EVENTS
from features.cutoff import DAY_MICROS, Cutoff
from features.definition import Definition
from features.feature import Columns
from features.observation import Observation, observe
from features.timeline import Timeline, from_events

CUTOFF = Cutoff(datetime(2026, 3, 2, tzinfo=UTC))
"""A Monday."""
TYPES = ("view", "purchase")
DAY = 1.0
HOUR = 1 / 24
MICRO = 1 / DAY_MICROS

Row = dict[str, Any]


def event(user: str, ago: float, kind: str = "view", *, known: float | None = None, **columns: Any) -> Row:
    """An event `ago` days before the cutoff (negative: after it), known from `known` days before it on (default: at once)."""
    return {
        "user_id": user,
        "event_time": _instant(ago),
        "available_at": _instant(ago if known is None else known),
        "event_type": kind,
        **columns,
    }


def table(*events: Row) -> pa.Table:
    """The events as the contract has them; ids count up in the order given."""
    defaults = dict.fromkeys(EVENTS.names) | {"bucket": 0}
    rows = [{**defaults, "event_id": f"{place:06d}", **row} for place, row in enumerate(events)]
    return pa.table({field.name: pa.array([row[field.name] for row in rows]).cast(field.type) for field in EVENTS}, EVENTS)


def timeline(*events: Row, types: Sequence[str] = TYPES) -> Timeline:
    return from_events(table(*events), types)


def observation(
    *events: Row,
    types: Sequence[str] = TYPES,
    windows: Sequence[int] = (7, 30),
    lookback: int = 30,
    cutoffs: Sequence[Cutoff] = (CUTOFF,),
    **chosen: Any,
) -> Observation:
    return observe(timeline(*events, types=types), cutoffs, Definition(tuple(types), tuple(windows), lookback, **chosen))


def columns(family: Callable[[Observation], Columns], seen: Observation, cutoff: int = 0) -> dict[str, list[float | None]]:
    """Values at a cutoff (its position) by column name, one per user; None where undefined."""
    return {
        column.feature.name: [None if np.isnan(value) else value for value in column.values[cutoff].tolist()] for column in family(seen)
    }


def _instant(ago: float) -> int:
    return CUTOFF.micros - round(ago * DAY_MICROS)
