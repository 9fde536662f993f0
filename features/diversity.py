"""Diversity: how many different things a user touched."""

from __future__ import annotations

import numpy as np

from features.feature import Column, Columns, Feature, within
from features.observation import Observation


def diversity(observation: Observation) -> Columns:
    """Distinct items and distinct categories per window, over events of every type; null ones are not counted."""
    stream = observation.all
    for unit, codes in (("items", stream.view.item), ("categories", stream.view.category)):
        distinct = stream.sums(stream.last_of_code(codes))
        for days in observation.windows:
            feature = Feature(f"{unit}_{days}d", unit, f"{{value}} different {unit} {within(days)}")
            yield Column(feature, distinct[days].astype(np.float64))
