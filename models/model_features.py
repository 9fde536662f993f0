"""The columns one model reads: those of the feature set that tell something new, and those that need a population to be computed.

What a population decides (which columns are kept, how often its users come back) is fitted on the rows of one training, without their
labels, and frozen: given it, a user's values depend on that user alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from features.feature import Feature
from features.feature_set import FeatureSet
from models import bg_nbd
from models.bg_nbd import BgNbd
from models.classifier import Floats
from models.feature_selection import redundant, sampled

CODE_VERSION = 1
"""Raised whenever the columns below are computed in another way."""


@dataclass(frozen=True)
class Repeat:
    """The event whose repetition in the next `days` is expected, and how the population repeats it."""

    event: str
    days: int
    population: BgNbd


@dataclass(frozen=True)
class ModelFeatures:
    """The columns of one model; made by `fit`.

    base              columns of the matrix that `apply` takes; `base_fingerprint` is that of their feature set
    repeat            BG/NBD columns come after the base columns; None: there are none
    dropped           name → reason of each column, base or fitted, that the model does not read
    """

    base: tuple[Feature, ...]
    base_fingerprint: str
    repeat: Repeat | None
    dropped: Mapping[str, str]

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """(F',) the columns that `apply` gives, in order."""
        fitted = fitted_features(self.repeat.event, self.repeat.days) if self.repeat else ()
        return tuple(feature for feature in (*self.base, *fitted) if feature.name not in self.dropped)

    @property
    def names(self) -> tuple[str, ...]:
        """(F',) their names."""
        return tuple(feature.name for feature in self.features)

    @property
    def sentences(self) -> dict[str, str]:
        """Name → reason text of each."""
        return {feature.name: feature.sentence for feature in self.features}

    @property
    def fingerprint(self) -> str:
        """sha256 (hexadecimal) over everything here and `CODE_VERSION`; equal fingerprints mean equal columns."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    def apply(self, X: Floats) -> Floats:
        """(n, F') float64 for (n, F) of the feature set, NaN where undefined. Raises ValueError for another number of columns."""
        if X.ndim != 2 or X.shape[1] != len(self.base):
            raise ValueError(f"The model reads {len(self.base)} feature columns, got an array of shape {X.shape}")
        kept = [position for position, feature in enumerate(self.base) if feature.name not in self.dropped]
        fitted = [column for name, column in self._fitted(X).items() if name not in self.dropped]
        known = np.take(X, kept, axis=1)
        return np.column_stack([known, *fitted]) if fitted else known

    def to_json(self) -> dict[str, Any]:
        """Everything, exactly, with the fingerprint."""
        return {**self._content(), "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelFeatures:
        """Inverse of `to_json`. Raises ValueError for content that is not whole, of another code version, or changed."""
        if content.get("code") != CODE_VERSION:
            raise ValueError(f"The model's features are of code version {content.get('code')!r}; this code reads {CODE_VERSION}")
        try:
            repeat = content["repeat"]
            made = cls(
                base=tuple(Feature(**feature) for feature in content["base"]),
                base_fingerprint=content["base_fingerprint"],
                repeat=repeat and Repeat(repeat["event"], repeat["days"], BgNbd.from_json(repeat["population"])),
                dropped=dict(content["dropped"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"The model's features are not whole: {error}") from error
        if made.to_json() != content:
            raise ValueError(f"The model's features were changed: their fingerprint is {made.fingerprint}, not {content['fingerprint']!r}")
        return made

    def _fitted(self, X: Floats) -> dict[str, Floats]:
        """Name → values of each column of `fitted_features`."""
        if not self.repeat:
            return {}
        expected, alive = fitted_features(self.repeat.event, self.repeat.days)
        x, last, age = _columns(X, self.base, self.repeat.event)
        population = self.repeat.population
        return {expected.name: population.expected(x, last, age, self.repeat.days), alive.name: population.alive(x, last, age)}

    def _content(self) -> dict[str, Any]:
        return {
            "code": CODE_VERSION,
            "base": [asdict(feature) for feature in self.base],
            "base_fingerprint": self.base_fingerprint,
            "repeat": self.repeat and asdict(self.repeat),
            "dropped": dict(self.dropped),
        }


def fitted_features(event: str, days: int) -> tuple[Feature, Feature]:
    """The columns that a model adds for a repeat event: active days expected in the next `days`, and the chance that any will come."""
    noun = f"{event.replace('_', ' ')} events"
    none = f"|no {noun} so far"
    coming = "day" if days == 1 else f"{days} days"
    return (
        Feature(f"expected_{event}_{days}d", "days", f"{{value}} days with {noun} to be expected in the next {coming}{none}"),
        Feature(f"alive_{event}", "probability", f"a chance of {{value}} that {noun} go on at all{none}"),
    )


def fit(X: Floats, columns: FeatureSet, seed: int) -> ModelFeatures:
    """What the rows of one training decide: BG/NBD of the repeat event, then which columns are kept.

    X (n, F) float64, the matrix of `columns`; the seed chooses the rows where there are more than `feature_selection.SAMPLE_ROWS`.
    Labels play no part. A repeat event without the lifetime family, which counts repeats, gives no columns.
    """
    rows = sampled(X, seed)
    every = ModelFeatures(columns.features, columns.fingerprint, _repeat(rows, columns), {})
    return replace(every, dropped=redundant(every.apply(rows), every.names))


def _repeat(X: Floats, columns: FeatureSet) -> Repeat | None:
    wanted = columns.definition
    if not (wanted.repeat_event and "lifetime" in wanted.families):
        return None
    population = bg_nbd.fit(*_columns(X, columns.features, wanted.repeat_event))
    return Repeat(wanted.repeat_event, wanted.repeat_days, population)


def _columns(X: Floats, base: Sequence[Feature], event: str) -> tuple[Floats, Floats, Floats]:
    """(n,) each: x, t_x and T of the repeat event."""
    names = [feature.name for feature in base]
    x, last, age = (X[:, names.index(f"repeat_{event}_{part}")] for part in ("count", "span", "age"))
    return x, last, age
