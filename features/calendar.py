"""Calendar: at which hours and on which days a user is active, and which day the cutoff begins."""

from __future__ import annotations

import numpy as np

from features.cutoff import DAY_MICROS, EPOCH_WEEKDAY, HOUR_MICROS
from features.feature import Column, Columns, Feature, ratio
from features.observation import Observation

SATURDAY = 5
MIDNIGHT_SHIFT_MICROS = 13 * HOUR_MICROS + 45 * 60_000_000
"""Local midnight plus this lies within the same UTC day in every zone from UTC−10 to UTC+13:45, which all that change clocks are."""
BLOCK_HOURS = 6


def calendar(observation: Observation) -> Columns:
    """Shares of the lookback's events on Saturday or Sunday and in each quarter of the day (UTC; NaN without events); the weekday.

    `cutoff_weekday` (Monday is 0) is the weekday that begins at a local midnight, the same in summer and winter.
    """
    stream = observation.all
    time, events = stream.view.event_time, stream.end - stream.first
    weekend = (time // DAY_MICROS + EPOCH_WEEKDAY) % 7 >= SATURDAY
    feature = Feature("weekend_share", "share", "a share of {value} of the events on weekends")
    yield Column(feature, ratio(stream.view.per_user(weekend), events))
    block = time // HOUR_MICROS % 24 // BLOCK_HOURS
    for number in range(24 // BLOCK_HOURS):
        first, last = number * BLOCK_HOURS, (number + 1) * BLOCK_HOURS
        sentence = f"a share of {{value}} of the events from {first} to {last} h UTC"
        yield Column(Feature(f"hours_{first}_{last}_share", "share", sentence), ratio(stream.view.per_user(block == number), events))
    weekday = ((stream.cutoff.micros + MIDNIGHT_SHIFT_MICROS) // DAY_MICROS + EPOCH_WEEKDAY) % 7
    yield Column(Feature("cutoff_weekday", "weekday", "weekday number {value} (Monday is 0)"), np.full(len(events), float(weekday)))
