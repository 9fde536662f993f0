"""Which features the configuration asks for, family by family, for people to read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from features.definition import Definition
from features.feature import Feature
from features.feature_set import FAMILIES, FeatureSet, feature_set


@dataclass(frozen=True)
class Family:
    """One family: what it is about in a phrase, how it counts in a sentence, and its features in the order of the matrix."""

    name: str
    about: str
    rule: str
    features: tuple[Feature, ...]


@dataclass(frozen=True)
class Catalogue:
    """All families of a feature set."""

    features: FeatureSet
    families: tuple[Family, ...]

    @property
    def count(self) -> int:
        """How many features there are in all."""
        return sum(len(family.features) for family in self.families)


def catalogue(features: FeatureSet) -> Catalogue:
    """The catalogue of a feature set: every column of its table under its family, then what each training adds."""
    families = [_family(name, features.definition) for name in features.definition.families]
    return Catalogue(features, (*families, *_fitted(features.definition)))


def facts(found: Catalogue) -> Mapping[str, Any]:
    """What the whole set has in common, by name."""
    definition = found.features.definition
    pause = f"a pause of {definition.session_minutes} minutes" if definition.session_minutes else "the given ids"
    return {
        "features": found.count,
        "windows_in_days": list(definition.windows),
        "lookback_in_days": definition.lookback_days,
        "event_types": list(definition.event_types),
        "sessions_by": pause,
        "categories": list(definition.categories),
        "repeat_event": definition.repeat_event or None,
        "table": found.features.table,
        "fingerprint": found.features.fingerprint,
    }


def rows(features: Sequence[Feature]) -> list[dict[str, str]]:
    """Name, unit and sentence of each feature, with the names of a category's levels, and what is said where the feature is undefined."""
    return [
        {"name": feature.name, "unit": feature.unit, "sentence": _with_levels(said, feature.levels), "undefined": otherwise}
        for feature in features
        for said, _, otherwise in [feature.sentence.partition("|")]
    ]


def _with_levels(sentence: str, levels: Sequence[str]) -> str:
    return sentence.replace("{value}", ", ".join(levels)) if levels else sentence


def _family(name: str, definition: Definition) -> Family:
    family = FAMILIES[name]
    about = _first_line(inspect.getmodule(family)).partition(": ")[2]
    return Family(name, about, _first_line(family), feature_set(replace(definition, families=(name,))).features)


def _fitted(definition: Definition) -> Iterator[Family]:
    if definition.repeat_event and "lifetime" in definition.families:
        from models.model_features import fitted_features

        about = "what a training adds, from how often its users come back."
        rule = "BG/NBD, fitted on the rows of each training and kept in its model; not a column of the table above."
        yield Family("fitted", about, rule, fitted_features(definition.repeat_event, definition.repeat_days))


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
