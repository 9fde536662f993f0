"""Diversity: how many different things a user touched."""

from __future__ import annotations

from features.feature import Column, Columns, Feature, within
from features.observation import Observation
from features.windowed import distinct


def diversity(observation: Observation) -> Columns:
    """Distinct items and distinct categories per window, over events of every type; null ones are not counted."""
    events = observation.events
    for unit, codes in (("items", events.item), ("categories", events.category)):
        found = distinct(observation, codes)
        for window, days in enumerate(observation.windows):
            yield Column(Feature(f"{unit}_{days}d", unit, f"{{value}} different {unit} {within(days)}"), found[window])
