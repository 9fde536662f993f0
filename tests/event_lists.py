"""A timeline's users as people would hand them to a model: a row each, with lists of their events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.contract import VALUE_SCALE
from features.cutoff import Cutoff
from features.timeline import Timeline


def lists_of(timeline: Timeline, cutoff: Cutoff) -> pd.DataFrame:
    """One row per user, in order; times in microseconds, values in the source's unit, None for nulls."""
    columns = {
        "event_time": timeline.event_time.tolist(),
        "available_at": timeline.available_at.tolist(),
        "event_type": [timeline.event_types[code] for code in timeline.event_type],
        "item_id": [timeline.items[code] if code >= 0 else None for code in timeline.item],
        "category": [timeline.categories[code] if code >= 0 else None for code in timeline.category],
        "value": [value / VALUE_SCALE if has else None for value, has in zip(timeline.value.tolist(), timeline.has_value, strict=True)],
    }
    edges = list(zip(timeline.offsets[:-1], timeline.offsets[1:], strict=True))
    lists = {name: pd.Series([entries[begin:end] for begin, end in edges], dtype=object) for name, entries in columns.items()}
    return pd.DataFrame({"cutoff": np.full(timeline.users, str(cutoff), dtype=object), **lists})
