"""What every predictor family offers, so that scoring and explaining do not ask which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from features.cutoff import Cutoff
from features.timeline import Ints, Timeline

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


class NotLearnable(ValueError):
    """The samples cannot teach a model: too few users, one outcome only, or a loss that is not a number."""


@dataclass(frozen=True)
class Batch:
    """n users to judge at one cutoff.

    view      a timeline that went through `as_of(cutoff)`
    rows      (n,) positions of the users in `view`
    features  (n, F) float64, aligned with `rows`, columns as in the feature set the model was trained on; NaN = undefined
    """

    view: Timeline
    rows: Ints
    cutoff: Cutoff
    features: Floats


@dataclass(frozen=True)
class Effects:
    """How much each of K plain quantities moved each of n predictions.

    names     (K,) keys into the model's sentences
    log_odds  (n, K) signed contribution to the uncalibrated log-odds; 0 where the quantity played no part
    values    (n, K) the quantity itself, as a sentence shows it; NaN = undefined
    """

    names: tuple[str, ...]
    log_odds: Floats
    values: Floats


class Classifier(Protocol):
    """A fitted predictor of one yes-or-no outcome. Each user's answer depends on that user alone, not on the batch."""

    kind: ClassVar[str]

    def raw(self, batch: Batch) -> Floats:
        """(n,) uncalibrated log-odds."""

    def effects(self, batch: Batch) -> Effects:
        """Contributions to the log-odds that `raw` returns."""

    def save(self, folder: Path) -> None:
        """Write the model's own files into `folder`, which exists."""


def refuse_unlearnable(y: Labels, users: Ints, *, least_users: int) -> None:
    """Raise NotLearnable unless `y` (n,) holds both outcomes and `users` (n,) at least `least_users` distinct users."""
    distinct = len(np.unique(users))
    if distinct < least_users:
        raise NotLearnable(f"{distinct} users to learn from; at least {least_users} are needed")
    outcomes = np.unique(y)
    if len(outcomes) < 2:
        raise NotLearnable(f"All {len(y)} samples have the outcome {outcomes[0]}; both 0 and 1 are needed")
