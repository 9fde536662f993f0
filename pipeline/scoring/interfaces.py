"""How the registered models are called through MLflow: by feature columns, or by lists of events."""

from __future__ import annotations

from collections.abc import Sequence

from features.cutoff import Cutoff
from features.target import Target
from pipeline.scoring.event_lists import CUTOFF, NEEDED, OPTIONAL
from pipeline.scoring.table_scorer import outputs
from pipeline.tracking.model_folder import Column, Interface

SHARED = ("mlflow", "numpy", "pandas", "pyarrow", "scipy")
TEXTS = frozenset({"event_type", "item_id", "category", "session_id"})
EXAMPLE_DAYS = (9, 4, 1)
"""How long before the cutoff the example's events happened."""


def of_features(target: Target, names: Sequence[str], example: Sequence[float]) -> Interface:
    """Of a model that reads feature columns; `example` (F,) is a row of them that belongs to nobody."""
    columns = [Column(name, "number") for name in names]
    return Interface("features", columns, dict(zip(names, example, strict=True)), outputs(target), (*SHARED, "lightgbm"))


def of_events(target: Target, event_types: Sequence[str], cutoff: Cutoff) -> Interface:
    """Of a model that reads events; the example is a made-up user of three events of as many of the source's types, as of `cutoff`.

    Instants and values are lists of anything for MLflow: it knows no list of texts or whole numbers, refuses whole numbers in a list of
    fractions, and has no missing number in a list of numbers. `events_of` refuses what it cannot read.
    """
    lists = [Column(name, "texts" if name in TEXTS else "list", optional=name in OPTIONAL) for name in (*NEEDED, *OPTIONAL)]
    places = range(len(EXAMPLE_DAYS))
    example = {
        CUTOFF: str(cutoff),
        "event_time": [str(cutoff.plus_days(-days)) for days in EXAMPLE_DAYS],
        "event_type": [event_types[place % len(event_types)] for place in places],
        "item_id": [f"item {place % 2 + 1}" for place in places],
        "category": ["category 1" for _ in places],
        "value": [None if place < places[-1] else 9.5 for place in places],
    }
    return Interface("events", [Column(CUTOFF, "text"), *lists], example, outputs(target), (*SHARED, "keras", "tensorflow"))
