"""A feature set with columns of any names: what a model is told of its matrix."""

from __future__ import annotations

from collections.abc import Sequence

from features.definition import Definition
from features.feature import Feature
from features.feature_set import FeatureSet


def columns(names: Sequence[str], *, repeat_event: str = "", families: tuple[str, ...] = ("lifetime",)) -> FeatureSet:
    """Columns of these names, and the event whose repetition is expected."""
    wanted = Definition(("view", "purchase"), (7,), 7, families=families, repeat_event=repeat_event)
    return FeatureSet(wanted, tuple(Feature(name, "events", f"{{value}} of {name}|no {name}") for name in names), "f" * 64)
