"""Where the features' information comes from: the columns of the source, each of which could be taken away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.timeline import NULL_CODE, Timeline

EVERY_COLUMN = "every column but user, time and type"
"""Two columns from the future would stand in for each other if they were taken away one by one only."""


def sources(timeline: Timeline) -> tuple[str, ...]:
    """Names of what `without` can take away and what is there: the values of each event type, items, categories, sessions, all."""
    types = tuple(name for code, name in enumerate(timeline.event_types) if timeline.has_value[timeline.event_type == code].any())
    codes = {"item_id": timeline.item, "category": timeline.category, "session_id": timeline.session}
    found = (*(f"value of {name}" for name in types), *(name for name, codes_of in codes.items() if (codes_of != NULL_CODE).any()))
    return (*found, EVERY_COLUMN) if len(found) > 1 else found


def without(timeline: Timeline, source: str) -> Timeline:
    """The same events, as if the source had never had that column (for a value: not for that event type)."""
    nothing = np.full_like(timeline.item, NULL_CODE)
    if source == EVERY_COLUMN:
        bare = replace(timeline, item=nothing, category=nothing, session=nothing)
        return replace(bare, value=np.zeros_like(timeline.value), has_value=np.zeros_like(timeline.has_value))
    if source == "item_id":
        return replace(timeline, item=nothing)
    if source == "category":
        return replace(timeline, category=nothing)
    if source == "session_id":
        return replace(timeline, session=nothing)
    gone = timeline.of_type(source.removeprefix("value of "))
    return replace(timeline, value=np.where(gone, 0, timeline.value), has_value=timeline.has_value & ~gone)
