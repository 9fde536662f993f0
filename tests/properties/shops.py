"""Random small shops: few users, items and instants, so that ties, duplicates and window edges are common."""

from __future__ import annotations

from hypothesis import strategies as st

from features.definition import Definition
from features.feature_set import feature_set
from tests.features.literal import CUTOFF, HOUR, MICRO, TYPES, Row, event

WINDOWS = (2, 7, 30)
LOOKBACK = 30
FEATURES = feature_set(Definition(TYPES, WINDOWS, LOOKBACK))
CUTOFFS = tuple(CUTOFF.plus_days(-ago) for ago in (30, 7, 1, 0))

EDGES = [edge + shift for edge in (0, 1, 2, 7, 8, 9, 14, 30, 32, 37, 60) for shift in (-MICRO, 0, MICRO)]
"""Cutoffs, and where windows begin."""
AGO = st.one_of(st.sampled_from(EDGES), st.integers(-10, 60 * 24).map(lambda hours: hours * HOUR))


@st.composite
def events(draw: st.DrawFn, users: str = "abc") -> Row:
    ago = draw(AGO)
    return event(
        draw(st.sampled_from(users)),
        ago,
        draw(st.sampled_from(TYPES)),
        known=ago - draw(st.sampled_from([0, 0, HOUR, 5])),
        item_id=draw(st.sampled_from(["x", "y", "z", None])),
        category=draw(st.sampled_from(["c", "d", None])),
        session_id=draw(st.sampled_from(["s", "t", None])),
        segment=draw(st.sampled_from(["n", "m", None])),
        value=draw(st.one_of(st.none(), st.integers(-(10**13), 10**13))),
    )


def numbered(rows: list[Row], prefix: str = "e") -> list[Row]:
    """With ids of their own, so that the order of the rows does not give them away."""
    return [{**row, "event_id": f"{prefix}{place:04d}"} for place, row in enumerate(rows)]


SHOPS = st.lists(events(), max_size=25).map(numbered)
