"""Gaps: how regularly a user comes back, and whether the next visit is overdue."""

from __future__ import annotations

import numpy as np

from features.feature import Column, Columns, Feature, Floats, ratio
from features.observation import Observation, Stream
from features.timeline import Flags, Ints, running_total


def gaps(observation: Observation) -> Columns:
    """Days between consecutive active days of each kind in the lookback: mean, population standard deviation, latest.

    NaN with fewer than two active days. `overdue` is the days since the last active day divided by the mean gap.
    """
    for stream in observation.streams:
        mean, deviation, latest, overdue = _statistics(stream)
        of = f"between days with {stream.noun}"
        yield Column(Feature(f"gap_mean_{stream.kind}", "days", f"{{value}} days on average {of}"), mean)
        yield Column(Feature(f"gap_deviation_{stream.kind}", "days", f"a deviation of {{value}} days in the time {of}"), deviation)
        yield Column(Feature(f"gap_latest_{stream.kind}", "days", f"{{value}} days between the two latest days with {stream.noun}"), latest)
        sentence = f"{{value}} times the usual time {of} since the last one"
        yield Column(Feature(f"overdue_{stream.kind}", "ratio", sentence), overdue)


def _statistics(stream: Stream) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, deviation, latest gap and overdue ratio, each (U,), from sums of whole days: exact whatever the neighbours."""
    marked = stream.last_of_day()
    age = stream.age_days()[marked]
    bounds = running_total(marked)[stream.view.offsets]
    first, last = bounds[:-1], bounds[1:] - 1
    count = np.maximum(last - first, 0)
    gap = np.zeros(len(age), dtype=np.int64)
    gap[1:] = age[:-1] - age[1:]
    several = count > 0
    latest = np.full(len(count), np.nan)
    latest[several] = gap[last[several]]
    total, squares = _between(gap, first, last, several), _between(gap * gap, first, last, several)
    mean = ratio(total, count)
    spread = ratio(count * squares - total * total, count * count)
    since = np.full(len(count), np.nan)
    since[several] = age[last[several]]
    return mean, np.sqrt(spread), latest, ratio(since, mean)


def _between(amounts: Ints, first: Ints, last: Ints, several: Flags) -> Ints:
    """(U,) sum of the amounts of each user's second to last active day."""
    total = running_total(amounts)
    sums = np.zeros(len(first), dtype=np.int64)
    sums[several] = total[last[several] + 1] - total[first[several] + 1]
    return sums
