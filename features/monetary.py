"""Monetary: what the events of each window were worth."""

from __future__ import annotations

import numpy as np

from features.contract import VALUE_SCALE
from features.feature import Column, Columns, Feature, ratio, within
from features.observation import Observation

NO_VALUE = np.iinfo(np.int64).min


def monetary(observation: Observation) -> Columns:
    """Sum, mean and largest value per kind and window, in the source's unit.

    Events without a value count for nothing: the sum of none is 0, their mean and maximum are NaN. Negative values are kept.
    """
    for stream in observation.streams:
        valued = np.where(stream.view.has_value, stream.view.value, NO_VALUE)
        totals, numbers = stream.sums(stream.view.value), stream.sums(stream.view.has_value)
        for days in observation.windows:
            of = f"of {stream.noun} {within(days)}"
            total = totals[days] / VALUE_SCALE
            largest = stream.maxima(valued, days, empty=NO_VALUE)
            columns = {
                "sum": (total, f"a total value of {{value}} {of}"),
                "mean": (ratio(total, numbers[days]), f"a mean value of {{value}} {of}"),
                "max": (np.where(largest == NO_VALUE, np.nan, largest / VALUE_SCALE), f"a largest value of {{value}} {of}"),
            }
            for name, (values, sentence) in columns.items():
                yield Column(Feature(f"value_{name}_{stream.kind}_{days}d", "value", sentence), values)
