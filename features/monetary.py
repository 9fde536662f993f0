"""Monetary: what the events of each window were worth."""

from __future__ import annotations

import numpy as np

from features.contract import VALUE_SCALE
from features.feature import Column, Columns, Feature, ratio, within
from features.observation import Observation
from features.windowed import NO_VALUE, maxima, sums


def monetary(observation: Observation) -> Columns:
    """Sum, mean and largest value per kind and window, in the source's unit.

    Events without a value count for nothing: the sum of none is 0, their mean and maximum are NaN. Negative values are kept.
    """
    events = observation.events
    totals, numbers, largest = sums(observation, events.value), sums(observation, events.has_value), maxima(observation)
    for kind in observation.kinds:
        for window, days in enumerate(observation.windows):
            worth, none = f"{kind.noun} worth {{value}}", f"no {kind.noun} with a value {within(days)}"
            place = (kind.place, window)
            total, highest = totals[place] / VALUE_SCALE, largest[place]
            columns = {
                "sum": (total, f"{worth} in total {within(days)}"),
                "mean": (ratio(total, numbers[place]), f"{worth} on average {within(days)}|{none}"),
                "max": (
                    np.where(highest == NO_VALUE, np.nan, highest / VALUE_SCALE),
                    f"{kind.noun} worth up to {{value}} {within(days)}|{none}",
                ),
            }
            for name, (values, sentence) in columns.items():
                yield Column(Feature(f"value_{name}_{kind.name}_{days}d", "value", sentence), values)
