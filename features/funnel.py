"""Funnel: how much of one kind of event leads to the next."""

from __future__ import annotations

from itertools import pairwise

from features.feature import Column, Columns, Feature, ratio, within
from features.observation import Observation
from features.windowed import counts


def funnel(observation: Observation) -> Columns:
    """Events of each type for every event of the type before it in configured order, per window; NaN where there is none of it."""
    events = counts(observation)
    for before, after in pairwise(observation.by_type):
        for window, days in enumerate(observation.windows):
            none = f"no {before.noun} {within(days)}"
            sentence = f"{{value}} {after.noun} per {before.noun.removesuffix('s')} {within(days)}|{none}"
            feature = Feature(f"{after.name}_per_{before.name}_{days}d", "ratio", sentence)
            yield Column(feature, ratio(events[after.place, window], events[before.place, window]))
