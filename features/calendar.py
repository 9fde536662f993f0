"""Calendar: at which hours and on which days a user is active, and which day the cutoff begins."""

from __future__ import annotations

import numpy as np

from features.cutoff import DAY_MICROS, EPOCH_WEEKDAY, HOUR_MICROS
from features.feature import Column, Columns, Feature, ratio
from features.observation import Observation

SATURDAY = 5
HALF_DAY_MICROS = DAY_MICROS // 2
BLOCK_HOURS = 6


def calendar(observation: Observation) -> Columns:
    """Shares of the lookback's events on Saturday or Sunday and in each quarter of the day (UTC; NaN without events); the weekday.

    `cutoff_weekday` (Monday is 0) is that of the instant 12 hours later: local midnight lies up to 12 hours beside UTC's, and so
    the same local weekday has the same number in summer and winter.
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
    weekday = ((stream.cutoff.micros + HALF_DAY_MICROS) // DAY_MICROS + EPOCH_WEEKDAY) % 7
    yield Column(Feature("cutoff_weekday", "weekday", "weekday number {value} (Monday is 0)"), np.full(len(events), float(weekday)))
