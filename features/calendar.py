"""Calendar: at which hours and on which days a user is active, and which day the cutoff begins."""

from __future__ import annotations

import numpy as np

from features.cutoff import DAY_MICROS, EPOCH_WEEKDAY, HOUR_MICROS
from features.feature import Column, Columns, Feature, Floats, ratio
from features.observation import Observation
from features.timeline import Flags, running_total

SATURDAY = 5
MIDNIGHT_SHIFT_MICROS = 13 * HOUR_MICROS + 45 * 60_000_000
"""Local midnight plus this lies within the same UTC day in every zone from UTC−10 to UTC+13:45, which all that change clocks are."""
BLOCK_HOURS = 6


def calendar(observation: Observation) -> Columns:
    """Shares of the lookback's events on Saturday or Sunday and in each quarter of the day (UTC; NaN without events); the weekday.

    `cutoff_weekday` (Monday is 0) is the weekday that begins at a local midnight, the same in summer and winter.
    """
    time = observation.events.event_time
    weekend = (time // DAY_MICROS + EPOCH_WEEKDAY) % 7 >= SATURDAY
    feature = Feature("weekend_share", "share", "a share of {value} of the events on weekends|no events")
    yield Column(feature, _share(observation, weekend))
    block = time // HOUR_MICROS % 24 // BLOCK_HOURS
    for number in range(24 // BLOCK_HOURS):
        first, last = number * BLOCK_HOURS, (number + 1) * BLOCK_HOURS
        sentence = f"a share of {{value}} of the events from {first} to {last} h UTC|no events"
        yield Column(Feature(f"hours_{first}_{last}_share", "share", sentence), _share(observation, block == number))
    weekday = ((observation.cutoffs + MIDNIGHT_SHIFT_MICROS) // DAY_MICROS + EPOCH_WEEKDAY) % 7
    values = np.repeat(weekday.astype(np.float64)[:, None], observation.shape[1], axis=1)
    yield Column(Feature("cutoff_weekday", "weekday", "weekday number {value} (Monday is 0)"), values)


def _share(observation: Observation, flags: Flags) -> Floats:
    """(C, U) share of the lookback's events with their flag (N,) set."""
    total = running_total(flags)
    return ratio(total[observation.end] - total[observation.recent], observation.end - observation.recent)
