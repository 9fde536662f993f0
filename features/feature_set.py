"""All feature families together: which columns there are, and their values at many cutoffs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from features.affinity import affinity
from features.calendar import calendar
from features.contract import EVENTS
from features.cutoff import Cutoff
from features.definition import Definition
from features.diversity import diversity
from features.feature import Columns, Feature, Floats
from features.frequency import frequency
from features.funnel import funnel
from features.gaps import gaps
from features.lifetime import lifetime
from features.monetary import monetary
from features.observation import Observation, observe
from features.recency import recency
from features.sessions import sessions
from features.timeline import Timeline, from_events
from features.trend import trend

__all__ = ["CODE_VERSION", "Feature", "FeatureSet", "Floats", "feature_set"]

CODE_VERSION = 2
"""Raised whenever a family's arithmetic changes, so that a model never reads columns computed in another way."""

FAMILIES: Mapping[str, Callable[[Observation], Columns]] = {
    "recency": recency,
    "frequency": frequency,
    "monetary": monetary,
    "diversity": diversity,
    "funnel": funnel,
    "sessions": sessions,
    "gaps": gaps,
    "trend": trend,
    "calendar": calendar,
    "affinity": affinity,
    "lifetime": lifetime,
}


@dataclass(frozen=True)
class FeatureSet:
    """The columns of the feature matrix for a definition; made by `feature_set`.

    fingerprint: sha256 (hexadecimal) over the definition, the names and `CODE_VERSION`; equal fingerprints mean equal columns.
    """

    definition: Definition
    features: tuple[Feature, ...]
    fingerprint: str

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in the order of the matrix."""
        return tuple(feature.name for feature in self.features)

    @property
    def event_types(self) -> tuple[str, ...]:
        """Event types of the timelines that these features read."""
        return self.definition.event_types

    @property
    def table(self) -> str:
        """The lake's table that holds these features."""
        return f"features/{self.fingerprint[:12]}"

    def compute(self, timeline: Timeline, cutoffs: Sequence[Cutoff]) -> Floats:
        """(F, C, U) float64 for C ascending cutoffs and every user of a whole timeline, NaN where undefined.

        A user's values depend on that user's events visible at the cutoff alone: not on neighbours, bucket count, row order or later
        events. Events before cutoff − lookback are read by the lifetime family only.
        Raises ValueError for cutoffs that are not ascending, and if the timeline's event types are not those of this feature set.
        """
        if timeline.event_types != self.event_types:
            raise ValueError(
                f"The timeline has event types {', '.join(timeline.event_types)}; the features need {', '.join(self.event_types)}"
            )
        observation = observe(timeline, cutoffs, self.definition)
        matrix = np.empty((len(self.features), *observation.shape), dtype=np.float64)
        for position, column in enumerate(_columns(observation)):
            matrix[position] = column.values
        return matrix

    def at(self, timeline: Timeline, cutoff: Cutoff) -> Floats:
        """(U, F) the same at one cutoff, users as rows: the matrix that a model reads."""
        return np.ascontiguousarray(self.compute(timeline, [cutoff])[:, 0].T)


def feature_set(wanted: Definition) -> FeatureSet:
    """The feature set of a definition. Raises ValueError where two of its features would have one name."""
    nobody = from_events(EVENTS.empty_table(), wanted.event_types)
    epoch = Cutoff(datetime(1970, 1, 1, tzinfo=UTC))
    features = tuple(column.feature for column in _columns(observe(nobody, [epoch], wanted)))
    names = [feature.name for feature in features]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Two features would be called {', '.join(twice)}; rename an event type, or leave out a category")
    parameters = {"code": CODE_VERSION, "definition": asdict(wanted), "names": names}
    fingerprint = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    return FeatureSet(wanted, features, fingerprint)


def _columns(observation: Observation) -> Columns:
    for name, family in FAMILIES.items():
        if name in observation.definition.families:
            yield from family(observation)
