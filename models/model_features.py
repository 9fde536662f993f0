"""The columns one model reads: those of the feature set that tell something new, and those that need a population to be computed.

What a population decides (which columns are kept, how often its users come back, what is usual) is fitted on the rows of one training,
without their labels, and frozen: given it, a user's values depend on that user alone.

A category's codes become one column of 0 and 1 per level. LightGBM could split the codes themselves, but the tables that explain every
user every night (`tree_shap`) hold splits at a threshold only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from features.affinity import ANOTHER
from features.definition import slug
from features.feature import Feature
from features.feature_set import FeatureSet
from features.timeline import Ints
from models import bg_nbd
from models.bg_nbd import BgNbd
from models.classifier import Floats
from models.explanations import compared
from models.feature_selection import redundant, sampled

CODE_VERSION = 2
"""Raised whenever the columns below are computed in another way."""

ALL = -1
"""In place of a code: the column itself, not a level of it."""


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
    dropped           name → reason of each column, base, level or fitted, that the model does not read
    typical           name → median of each column that it reads, over the training rows where it is defined
    """

    base: tuple[Feature, ...]
    base_fingerprint: str
    repeat: Repeat | None
    dropped: Mapping[str, str]
    typical: Mapping[str, float]

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """(F',) the columns that `apply` gives, in order."""
        return tuple(
            feature for feature in (*(each for each, _, _ in self._read), *self._fitted_features) if feature.name not in self.dropped
        )

    @property
    def names(self) -> tuple[str, ...]:
        """(F',) their names."""
        return tuple(feature.name for feature in self.features)

    @property
    def sentences(self) -> dict[str, str]:
        """Name → reason text of each, with its typical value, as `explanations.wordings` reads it."""
        return {feature.name: compared(feature.sentence, self.typical.get(feature.name)) for feature in self.features}

    @property
    def fingerprint(self) -> str:
        """sha256 (hexadecimal) over everything here and `CODE_VERSION`; equal fingerprints mean equal columns."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    def apply(self, X: Floats) -> Floats:
        """(n, F') float64 for (n, F) of the feature set, NaN where undefined. Raises ValueError for another number of columns."""
        if X.ndim != 2 or X.shape[1] != len(self.base):
            raise ValueError(f"The model reads {len(self.base)} feature columns, got an array of shape {X.shape}")
        read = [(position, ALL if code is None else code) for feature, position, code in self._read if feature.name not in self.dropped]
        fitted = [column for name, column in self._fitted(X).items() if name not in self.dropped]
        columns = np.empty((len(X), len(read) + len(fitted)))
        positions, codes = np.array(read, dtype=np.int64).reshape(-1, 2).T
        _gather(np.asarray(X, dtype=np.float64), positions, codes, columns)
        for place, values in enumerate(fitted, len(read)):
            columns[:, place] = values
        return columns

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
                base=tuple(Feature(**{**feature, "levels": tuple(feature["levels"])}) for feature in content["base"]),
                base_fingerprint=content["base_fingerprint"],
                repeat=repeat and Repeat(repeat["event"], repeat["days"], BgNbd.from_json(repeat["population"])),
                dropped=dict(content["dropped"]),
                typical=dict(content["typical"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"The model's features are not whole: {error}") from error
        if made.to_json() != content:
            raise ValueError(f"The model's features were changed: their fingerprint is {made.fingerprint}, not {content['fingerprint']!r}")
        return made

    @cached_property
    def _read(self) -> tuple[tuple[Feature, int, int | None], ...]:
        """Each column that comes from the base, kept or not: its position there, and for a level the code that makes it 1."""
        return tuple(
            (feature, position, code)
            for position, whole in enumerate(self.base)
            for code, feature in ([(None, whole)] if not whole.levels else enumerate(levels_of(whole)))
        )

    @property
    def _fitted_features(self) -> tuple[Feature, ...]:
        return fitted_features(self.repeat.event, self.repeat.days) if self.repeat else ()

    def _fitted(self, X: Floats) -> dict[str, Floats]:
        """Name → values of each column of `fitted_features`."""
        if not self.repeat:
            return {}
        expected, alive = self._fitted_features
        x, last, age = _columns(X, self.base, self.repeat.event)
        population = self.repeat.population
        return {expected.name: population.expected(x, last, age, self.repeat.days), alive.name: population.alive(x, last, age)}

    def _content(self) -> dict[str, Any]:
        return {
            "code": CODE_VERSION,
            "base": [asdict(feature) | {"levels": list(feature.levels)} for feature in self.base],
            "base_fingerprint": self.base_fingerprint,
            "repeat": self.repeat and asdict(self.repeat),
            "dropped": dict(self.dropped),
            "typical": dict(self.typical),
        }


def fitted_features(event: str, days: int) -> tuple[Feature, Feature]:
    """The columns that a model adds for a repeat event: active days expected in the next `days`, and the chance that any will come."""
    noun = f"{event.replace('_', ' ')} events"
    none = f"|no {noun} so far"
    return (
        Feature(f"expected_{event}_{days}d", "days", f"{{value}} days with {noun} to be expected {coming(days)}{none}"),
        Feature(f"alive_{event}", "probability", f"a chance of {{value}} % that {noun} go on at all{none}"),
    )


def coming(days: int) -> str:
    """How a person names a window that begins at the cutoff."""
    return "in the next day" if days == 1 else f"in the next {days} days"


def levels_of(feature: Feature) -> tuple[Feature, ...]:
    """One column of 0 and 1 for each level of a category; all are 0 where it is undefined."""
    present = feature.sentence.partition("|")[0]
    said = {level: (level, f"not {level}") for level in feature.levels} | {ANOTHER: ("none of the named ones", "a named one, or none")}
    return tuple(
        Feature(f"{feature.name}_is_{slug(level)}", "yes or no", "|".join(present.replace("{value}", each) for each in said[level]))
        for level in feature.levels
    )


def fit(X: Floats, columns: FeatureSet, seed: int) -> ModelFeatures:
    """What the rows of one training decide: BG/NBD of the repeat event, then which columns are kept.

    X (n, F) float64, the matrix of `columns`; the seed chooses the rows where there are more than `feature_selection.SAMPLE_ROWS`.
    Labels play no part. A repeat event without the lifetime family, which counts repeats, gives no columns.
    """
    rows = sampled(X, seed)
    every = ModelFeatures(columns.features, columns.fingerprint, _repeat(rows, columns), {}, {})
    applied = every.apply(rows)
    dropped = redundant(applied, every.names)
    typical = {name: median for name, median in medians(applied, every.names).items() if name not in dropped}
    return replace(every, dropped=dropped, typical=typical)


def medians(X: Floats, names: Sequence[str]) -> dict[str, float]:
    """Name → median of each column of X (n, F) where it is defined; without the columns that are defined nowhere."""
    defined = {name: column[~np.isnan(column)] for name, column in zip(names, X.T, strict=True)}
    return {name: float(np.median(column)) for name, column in defined.items() if len(column)}


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


@njit(cache=True, nogil=True)
def _gather(X: Floats, positions: Ints, codes: Ints, columns: Floats) -> None:
    """Write the columns of X (n, F) at (m,) positions into the first m of `columns`, in one pass; with a code, whether they equal it."""
    for row in range(len(X)):
        for place in range(len(positions)):
            value = X[row, positions[place]]
            columns[row, place] = value if codes[place] == ALL else np.float64(value == codes[place])
