"""Trend: whether a user is speeding up or fading."""

from __future__ import annotations

from itertools import pairwise

from features.feature import Column, Columns, Feature, ratio, within
from features.observation import Observation
from features.windowed import active_days


def trend(observation: Observation) -> Columns:
    """Active days per day of each window against those of the next longer one, per kind; 1 is a steady pace.

    NaN where the longer window is empty.
    """
    active = active_days(observation)
    for kind in observation.kinds:
        for (short, short_days), (long, long_days) in pairwise(enumerate(observation.windows)):
            pace = ratio(active[kind.place, short] * long_days, active[kind.place, long] * short_days)
            none = f"no {kind.noun} {within(long_days)}"
            sentence = f"{{value}} times the usual pace of {kind.noun} {within(short_days)}, compared with the last {long_days} days|{none}"
            yield Column(Feature(f"pace_{kind.name}_{short_days}d_{long_days}d", "ratio", sentence), pace)
