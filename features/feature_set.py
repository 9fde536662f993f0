"""All feature families together: which columns there are, and their values at a cutoff."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from features.calendar import calendar
from features.contract import EVENTS
from features.cutoff import Cutoff
from features.diversity import diversity
from features.feature import Column, Columns, Feature, Floats
from features.frequency import frequency
from features.funnel import funnel
from features.gaps import gaps
from features.monetary import monetary
from features.observation import Observation, observe
from features.recency import recency
from features.tenure import tenure
from features.timeline import Timeline, from_events
from features.trend import trend

__all__ = ["CODE_VERSION", "Feature", "FeatureSet", "Floats", "feature_set"]

CODE_VERSION = 1
"""Raised whenever a family's arithmetic changes, so that a model never reads columns computed in another way."""

FAMILIES: tuple[Callable[[Observation], Columns], ...] = (
    recency,
    frequency,
    monetary,
    diversity,
    gaps,
    trend,
    tenure,
    calendar,
    funnel,
)


@dataclass(frozen=True)
class FeatureSet:
    """The columns of the feature matrix for given event types and windows; made by `feature_set`.

    fingerprint: sha256 (hexadecimal) over the names, the parameters and `CODE_VERSION`; equal fingerprints mean equal columns.
    """

    event_types: tuple[str, ...]
    windows: tuple[int, ...]
    lookback_days: int
    features: tuple[Feature, ...]
    fingerprint: str

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in the order of the matrix."""
        return tuple(feature.name for feature in self.features)

    @property
    def table(self) -> str:
        """The lake's table that holds these features."""
        return f"features/{self.fingerprint[:12]}"

    def compute(self, view: Timeline, cutoff: Cutoff) -> Floats:
        """(U, F) float64 for every user of `view` = `timeline.as_of(cutoff)`, NaN where undefined.

        A user's row depends on that user's visible events alone: not on neighbours, bucket count, row order or later events.
        Events before cutoff − lookback are read by the tenure family only.
        Raises ValueError if the view's event types are not those of this feature set.
        """
        if view.event_types != self.event_types:
            raise ValueError(f"The timeline has event types {', '.join(view.event_types)}; the features need {', '.join(self.event_types)}")
        matrix = np.empty((view.users, len(self.features)), dtype=np.float64)
        for position, column in enumerate(_columns(view, cutoff, self.windows, self.lookback_days)):
            matrix[:, position] = column.values
        return matrix


def feature_set(event_types: Sequence[str], windows: Sequence[int], lookback_days: int) -> FeatureSet:
    """The feature set for these event types (order matters), windows in days (order does not) and lookback.

    Raises ValueError for a window longer than the lookback.
    """
    ascending = tuple(sorted(set(windows)))
    if ascending[-1] > lookback_days:
        raise ValueError(f"The window of {ascending[-1]} days is longer than the lookback of {lookback_days} days")
    nobody = from_events(EVENTS.empty_table(), event_types)
    epoch = Cutoff(datetime(1970, 1, 1, tzinfo=UTC))
    features = tuple(column.feature for column in _columns(nobody, epoch, ascending, lookback_days))
    parameters = {
        "code": CODE_VERSION,
        "event_types": list(event_types),
        "windows": ascending,
        "lookback_days": lookback_days,
        "names": [feature.name for feature in features],
    }
    fingerprint = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    return FeatureSet(tuple(event_types), ascending, lookback_days, features, fingerprint)


def _columns(view: Timeline, cutoff: Cutoff, windows: Sequence[int], lookback_days: int) -> list[Column]:
    observation = observe(view, cutoff, windows, lookback_days)
    return [column for family in FAMILIES for column in family(observation)]
