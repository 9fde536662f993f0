"""Why a sequence model said what it said: what it would have said without some of the events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from features.sequences import FIRST_EVENT_TYPE, NUMBERS
from features.timeline import Flags
from models.classifier import Effects, Floats
from models.sequence_data import Inputs

AGE = NUMBERS.index("log_hours_before_cutoff")

BANDS = (("7d", "in the last 7 days", 0, 7), ("8_30d", "8 to 30 days ago", 7, 30), ("older", "more than 30 days ago", 30, np.inf))
"""Key, wording, and age in days of the events: from (exclusive, but for 0) and to (inclusive)."""

RECENCY = "days_since_last_event"

ROUNDING_DAYS = 1e-4
"""Ages come from float32 logarithms."""

Predict = Callable[[Inputs], Floats]


def sentences(event_types: Sequence[str]) -> dict[str, str]:
    """Name of each quantity → its reason text with {value}."""
    counts = {f"{kind}_{key}": f"{kind} events {words}: {{value}}" for kind in event_types for key, words, _, _ in BANDS}
    return {**counts, RECENCY: "{value} days since the last event|no event so far"}


def effects(full: Inputs, raw: Floats, predict: Predict, event_types: Sequence[str], typical_age: float) -> Effects:
    """Effects of groups of events, and of how long ago the last event was, by leaving them out one at a time.

    full         the network's inputs of n users; raw (n,) what `predict` says about them
    typical_age  log(1 + hours) from the last event to the cutoff of the median training user

    The quantities are the number of events of each type in each of three age bands, among the user's newest `length` events, and the days
    since the last event. A group's effect is raw − raw without those events; the effect of recency is raw − raw with all events moved in
    time together until the last one is of typical age. Approximate: groups are left out singly, so what two of them say together is
    counted twice or not at all; the time since the previous event is not recomputed for the events that remain; effects do not add
    up to raw. Events that a user has not are no group: their absence shows in recency only.
    """
    names = tuple(sentences(event_types))
    log_odds = np.zeros((len(raw), len(names)))
    values = np.zeros((len(raw), len(names)))
    for column, group in enumerate(_groups(full, len(event_types))):
        values[:, column] = group.sum(axis=1)
        rows = np.flatnonzero(values[:, column])
        if len(rows):
            log_odds[rows, column] = raw[rows] - predict(without({name: steps[rows] for name, steps in full.items()}, group[rows]))
    seen, last_age = _last_age(full)
    values[:, -1] = np.where(seen, np.floor(np.expm1(last_age) / 24 + ROUNDING_DAYS), np.nan)
    rows = np.flatnonzero(seen)
    if len(rows):
        moved = moved_in_time({name: steps[rows] for name, steps in full.items()}, last_age[rows], typical_age)
        log_odds[rows, -1] = raw[rows] - predict(moved)
    return Effects(names, log_odds, values)


def without(full: Inputs, dropped: Flags) -> Inputs:
    """The sequences with the steps in `dropped` (n, T) taken out, the rest moved together so that padding stays on the right."""
    order = np.argsort(dropped, axis=1, kind="stable")
    gone = np.take_along_axis(dropped, order, axis=1)
    kept = {}
    for name, steps in full.items():
        kept[name] = np.take_along_axis(steps, order if steps.ndim == 2 else order[..., None], axis=1)
        kept[name][gone] = 0
    return kept


def moved_in_time(full: Inputs, last_age: Floats, typical_age: float) -> Inputs:
    """The sequences with every event's age changed by the same hours, so that the last event's age becomes `typical_age`."""
    real = full["event_type"] >= FIRST_EVENT_TYPE
    hours = np.expm1(full["numbers"][..., AGE].astype(np.float64)) + (np.expm1(typical_age) - np.expm1(last_age))[:, None]
    numbers = full["numbers"].copy()
    numbers[..., AGE] = np.where(real, np.log1p(np.maximum(hours, 0)), numbers[..., AGE])
    return {**full, "numbers": numbers}


def typical_last_age(full: Inputs) -> float:
    """Median over users with an event of log(1 + hours) from their last event to the cutoff; 0 when nobody has one."""
    seen, last_age = _last_age(full)
    return float(np.median(last_age[seen])) if seen.any() else 0.0


def _groups(full: Inputs, event_types: int) -> Iterator[Flags]:
    """(n, T) flags of each event type and age band, in the order of `sentences`."""
    days = np.expm1(full["numbers"][..., AGE].astype(np.float64)) / 24
    for code in range(event_types):
        of_type = full["event_type"] == FIRST_EVENT_TYPE + code
        for _, _, low, high in BANDS:
            yield of_type & ((days > low + ROUNDING_DAYS) | (low == 0)) & (days <= high + ROUNDING_DAYS)


def _last_age(full: Inputs) -> tuple[Flags, Floats]:
    """(n,) whether the user has an event, and the age of the last one as log(1 + hours)."""
    last = (full["event_type"] > 0).sum(axis=1) - 1
    return last > 0, full["numbers"][np.arange(len(last)), last, AGE].astype(np.float64)
