"""Recency: how long ago the last event was."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature, Floats, within
from features.observation import Observation
from features.timeline import Codes, Ints
from features.visible import Positions


def recency(observation: Observation) -> Columns:
    """Days (fractions included) from the last event of each kind in the lookback to the cutoff; NaN without one."""
    events = observation.events
    for kind in observation.kinds:
        days = _since(observation.recent, observation.end, observation.cutoffs, events.event_time, events.event_type, kind.code)
        sentence = (
            f"{{value}} days since the last {kind.noun.removesuffix('s')}|no {kind.noun} {within(observation.definition.lookback_days)}"
        )
        yield Column(Feature(f"days_since_{kind.name}", "days", sentence), days)


@njit(cache=True, nogil=True)
def _since(recent: Positions, end: Positions, cutoffs: Ints, time: Ints, kind: Codes, wanted: int) -> Floats:
    days = np.full(end.shape, np.nan)
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            for i in range(end[c, user] - 1, recent[c, user] - 1, -1):
                if wanted < 0 or kind[i] == wanted:
                    days[c, user] = (cutoffs[c] - time[i]) / DAY_MICROS
                    break
    return days
