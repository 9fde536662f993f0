"""Trend: whether a user is speeding up or fading."""

from __future__ import annotations

from itertools import pairwise

from features.feature import Column, Columns, Feature, ratio, within
from features.observation import Observation


def trend(observation: Observation) -> Columns:
    """Active days per day of each window against those of the next longer one, per kind; 1 is a steady pace.

    NaN where the longer window is empty.
    """
    for stream in observation.streams:
        active = stream.sums(stream.last_of_day())
        for short, long in pairwise(observation.windows):
            pace = ratio(active[short] * long, active[long] * short)
            sentence = f"{{value}} times the usual pace of {stream.noun} {within(short)}, compared with {long} days"
            yield Column(Feature(f"pace_{stream.kind}_{short}d_{long}d", "ratio", sentence), pace)
