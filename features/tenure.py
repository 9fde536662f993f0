"""Tenure: how long a user has been known, and what the whole acquaintance held. The one family that looks past the lookback."""

from __future__ import annotations

import numpy as np

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS
from features.feature import Column, Columns, Feature, Floats, ratio
from features.observation import Observation, Stream


def tenure(observation: Observation) -> Columns:
    """Over all visible events, however old: days known, value of the first 24 hours, active days in all and per 30 days known.

    A user known for less than a day counts as known for one. NaN for a user without an event; counts are 0.
    """
    life = Stream("any", observation.everything, observation.cutoff, {})
    days_known = _days_known(life)
    active = life.view.per_user(life.last_of_day())
    per_month = ratio(active * 30, np.maximum(days_known, 1.0))
    yield Column(Feature("days_known", "days", "first seen {value} days ago"), days_known)
    yield Column(Feature("first_day_value", "value", "a value of {value} in the first 24 hours"), _first_day_value(life))
    yield Column(Feature("active_days_ever", "days", "active on {value} days since first seen"), active.astype(np.float64))
    yield Column(Feature("active_days_per_month", "days", "active on {value} days a month since first seen"), per_month)


def _days_known(life: Stream) -> Floats:
    seen = life.end > life.first
    days = np.full(len(seen), np.nan)
    days[seen] = (life.cutoff.micros - life.view.event_time[life.first[seen]]) / DAY_MICROS
    return days


def _first_day_value(life: Stream) -> Floats:
    seen = life.end > life.first
    begin = np.zeros(len(seen), dtype=np.int64)
    begin[seen] = life.view.event_time[life.first[seen]]
    early = life.view.event_time < begin[life.view.owner] + DAY_MICROS
    value: Floats = np.where(seen, life.view.sums(life.view.value * early) / VALUE_SCALE, np.nan)
    return value
