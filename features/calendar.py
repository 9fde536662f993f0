"""Calendar: at which hours and on which days a user is active, and which day the cutoff begins."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.cutoff import DAY_MICROS, EPOCH_WEEKDAY, HOUR_MICROS
from features.feature import Column, Columns, Feature, Floats, ratio, within
from features.observation import Observation
from features.timeline import Flags, Ints, running_total
from features.visible import Positions

SATURDAY = 5
MIDNIGHT_SHIFT_MICROS = 13 * HOUR_MICROS + 45 * 60_000_000
"""Local midnight plus this lies within the same UTC day in every zone from UTC−10 to UTC+13:45, which all that change clocks are."""
BLOCK_HOURS = 6
WEEK_MICROS = 7 * DAY_MICROS


def calendar(observation: Observation) -> Columns:
    """Shares of the lookback's events on Saturday or Sunday and in each quarter of the day (UTC; NaN without events); the weekday.

    `cutoff_weekday` (Monday is 0) is the weekday that begins at a local midnight, the same in summer and winter. `same_weekday_share`
    is the share of events in the 24 hours that begin at the cutoff, some whole weeks before: how much the day to come is the user's.
    """
    none = f"|no events {within(observation.definition.lookback_days)}"
    time = observation.events.event_time
    weekend = (time // DAY_MICROS + EPOCH_WEEKDAY) % 7 >= SATURDAY
    feature = Feature("weekend_share", "share", f"{{value}} % of the events on weekends{none}")
    yield Column(feature, _share(observation, weekend))
    block = time // HOUR_MICROS % 24 // BLOCK_HOURS
    for number in range(24 // BLOCK_HOURS):
        first, last = number * BLOCK_HOURS, (number + 1) * BLOCK_HOURS
        sentence = f"{{value}} % of the events from {first} to {last} h UTC{none}"
        yield Column(Feature(f"hours_{first}_{last}_share", "share", sentence), _share(observation, block == number))
    weekday = ((observation.cutoffs + MIDNIGHT_SHIFT_MICROS) // DAY_MICROS + EPOCH_WEEKDAY) % 7
    values = np.repeat(weekday.astype(np.float64)[:, None], observation.shape[1], axis=1)
    yield Column(Feature("cutoff_weekday", "weekday", "the weekday about to begin"), values)
    same = _same_weekday(observation.recent, observation.end, observation.cutoffs, time)
    feature = Feature("same_weekday_share", "share", f"{{value}} % of the events on the weekday about to begin{none}")
    yield Column(feature, ratio(same, observation.end - observation.recent))


def _share(observation: Observation, flags: Flags) -> Floats:
    """(C, U) share of the lookback's events with their flag (N,) set."""
    total = running_total(flags)
    return ratio(total[observation.end] - total[observation.recent], observation.end - observation.recent)


@njit(cache=True, nogil=True)
def _same_weekday(recent: Positions, end: Positions, cutoffs: Ints, time: Ints) -> Ints:
    """(C, U) events of the lookback in [cutoff − 7 k days, cutoff − 7 k days + 24 h) for some k ≥ 1."""
    same = np.zeros(end.shape, dtype=np.int64)
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            for i in range(recent[c, user], end[c, user]):
                same[c, user] += (cutoffs[c] - 1 - time[i]) % WEEK_MICROS >= WEEK_MICROS - DAY_MICROS
    return same
