"""Frequency: how many events and active days each window holds."""

from __future__ import annotations

from features.feature import Column, Columns, Feature, within
from features.observation import Observation
from features.windowed import active_days, counts


def frequency(observation: Observation) -> Columns:
    """Counts per kind and window; 0 where the window is empty.

    An active day is one of the 24-hour days counted back from the cutoff in which the user has an event, so a window of n days has
    at most n.
    """
    events, days_with = counts(observation), active_days(observation)
    for kind in observation.kinds:
        for window, days in enumerate(observation.windows):
            sentence = f"{{value}} {kind.noun} {within(days)}"
            yield Column(Feature(f"events_{kind.name}_{days}d", "events", sentence), events[kind.place, window])
            sentence = f"{kind.noun} on {{value}} days {within(days)}"
            yield Column(Feature(f"active_days_{kind.name}_{days}d", "days", sentence), days_with[kind.place, window])
