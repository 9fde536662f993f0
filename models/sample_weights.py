"""How much each sample counts in training: recent cutoffs and a rare outcome may count for more."""

from __future__ import annotations

import numpy as np

from features.cutoff import DAY_MICROS
from models.classifier import Floats
from models.samples import Samples


def sample_weights(samples: Samples, half_life_days: float, positive_weight: float) -> Floats | None:
    """(n,) 0.5 ** (days from the row's cutoff to the newest / half-life), scaled to mean 1, times `positive_weight` for outcome 1.

    A half-life of 0 weighs all cutoffs alike. None: every weight would be 1.
    """
    if not half_life_days and positive_weight == 1:
        return None
    weights = np.ones(len(samples.labels))
    if half_life_days:
        micros = np.array([cutoff.micros for cutoff in samples.cutoffs], dtype=np.int64)
        age = ((micros.max() - micros) / DAY_MICROS)[samples.cutoff]
        # Counted from the youngest row, so that a half-life of hours does not round everything to zero.
        weights = 0.5 ** ((age - age.min()) / half_life_days)
        weights /= weights.mean()
    return np.where(samples.labels == 1, positive_weight, 1.0) * weights
