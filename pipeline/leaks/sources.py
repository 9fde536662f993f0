"""Where the features' information comes from: the columns of the source, each of which could be taken away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.timeline import NULL_CODE, Timeline


def sources(timeline: Timeline) -> tuple[str, ...]:
    """Names of what `without` can take away and what is there: the values of each event type, items, categories, sessions."""
    types = tuple(name for code, name in enumerate(timeline.event_types) if timeline.has_value[timeline.event_type == code].any())
    codes = {"item_id": timeline.item, "category": timeline.category, "session_id": timeline.session}
    return (*(f"value of {name}" for name in types), *(name for name, found in codes.items() if (found != NULL_CODE).any()))


def without(timeline: Timeline, source: str) -> Timeline:
    """The same events, as if the source had never had that column (for a value: not for that event type)."""
    nothing = np.full_like(timeline.item, NULL_CODE)
    if source == "item_id":
        return replace(timeline, item=nothing)
    if source == "category":
        return replace(timeline, category=nothing)
    if source == "session_id":
        return replace(timeline, session=nothing)
    gone = timeline.of_type(source.removeprefix("value of "))
    return replace(timeline, value=np.where(gone, 0, timeline.value), has_value=timeline.has_value & ~gone)
