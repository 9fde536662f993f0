"""Recency: how long ago the last event was."""

from __future__ import annotations

import numpy as np

from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature
from features.observation import Observation


def recency(observation: Observation) -> Columns:
    """Days (fractions included) from the last event of each kind in the lookback to the cutoff; NaN without one."""
    for stream in observation.streams:
        seen = stream.end > stream.first
        days = np.full(len(seen), np.nan)
        days[seen] = (stream.cutoff.micros - stream.view.event_time[stream.end[seen] - 1]) / DAY_MICROS
        sentence = f"{{value}} days since the last of the {stream.noun}" if stream.kind != "any" else "{value} days since the last event"
        yield Column(Feature(f"days_since_{stream.kind}", "days", sentence), days)
