"""Who teaches, who ends training early and who calibrates: held out by user and by cutoff at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.splits import Roles, roles
from features.timeline import Flags, Ints
from models import folds
from models.classifier import NotLearnable, refuse_unlearnable
from models.samples import Samples

HELD_OUT = 10
"""Of so many parts of the users, one is held out where there is a single fold."""


@dataclass(frozen=True)
class Fold:
    """Ascending positions of samples.

    teach      of the other folds' users, at the cutoffs that teach
    stop       of this fold's users, at the cutoff that ends training early
    calibrate  of this fold's users, at the cutoff that calibrates
    """

    teach: Ints
    stop: Ints
    calibrate: Ints


@dataclass(frozen=True)
class Plan:
    """How one training is held out.

    roles   positions in `Samples.cutoffs`; cutoffs without a sample have no role
    refit   whether the model is to be fitted again on every sample, once the folds have said for how long
    """

    folds: tuple[Fold, ...]
    roles: Roles
    refit: bool


def plan(samples: Samples, parts: int, crossfit_rows: int, seed: int) -> Plan:
    """`parts` folds of users; from `crossfit_rows` teaching rows on only one, which holds a tenth of the users out.

    Raises NotLearnable for one outcome only among the teaching or the calibrating samples, fewer users than two per fold, or a fold
    without a sample to end training with.
    """
    refuse_unlearnable(samples.labels, samples.users, least_users=2 * parts)
    present = np.unique(samples.cutoff)
    place = roles(len(present))
    held = Roles(tuple(int(present[position]) for position in place.teach), int(present[place.stop]), int(present[place.calibrate]))
    teaching = np.isin(samples.cutoff, held.teach)
    refit = int(teaching.sum()) <= crossfit_rows
    assigned = folds.assign(samples.users, parts if refit else HELD_OUT, seed)
    found = tuple(_fold(samples, assigned == part, teaching, held) for part in range(parts if refit else 1))
    calibrating = np.concatenate([fold.calibrate for fold in found])
    if len(np.unique(samples.labels[calibrating])) < 2:
        raise NotLearnable(
            f"The {len(calibrating)} samples at {samples.cutoffs[held.calibrate]} do not have both outcomes to calibrate with"
        )
    return Plan(found, held, refit)


def _fold(samples: Samples, inside: Flags, teaching: Flags, held: Roles) -> Fold:
    fold = Fold(
        teach=np.flatnonzero(teaching & ~inside),
        stop=np.flatnonzero(inside & (samples.cutoff == held.stop)),
        calibrate=np.flatnonzero(inside & (samples.cutoff == held.calibrate)),
    )
    refuse_unlearnable(samples.labels[fold.teach], samples.users[fold.teach], least_users=2)
    if not len(fold.stop):
        raise NotLearnable(f"No held-out user has a sample at {samples.cutoffs[held.stop]}, where training is to end early")
    return fold
