"""How well a column tells outcomes apart, for many columns at once, where users come several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from features.timeline import Flags, Ints
from models.classifier import Floats, Labels


@dataclass(frozen=True)
class Area:
    """An AUC, or another mean over rows, or a difference of two, and each user's part in its error.

    influence  (U,) how far each of U users moves it; rows of one user move together, so the error is right for users with many rows
    """

    value: float
    influence: Floats

    @property
    def error(self) -> float:
        """Standard error.

        Source: DeLong, DeLong & Clarke-Pearson 1988, with the placements summed by user (Obuchowski 1997, "Nonparametric analysis of
        clustered ROC curve data"). With one row per user it is DeLong's, up to the number of users over that number less one.
        """
        present = max(2, int(np.count_nonzero(self.influence)))
        return float(np.sqrt(np.square(self.influence).sum() * present / (present - 1)))

    @property
    def upward(self) -> Area:
        """The AUC read in the direction that is above one half."""
        return self if self.value >= 0.5 else Area(1 - self.value, -self.influence)

    def minus(self, other: Area) -> Area:
        """The difference of two AUCs over the same users: what they have in common does not widen its error."""
        return Area(self.value - other.value, self.influence - other.influence)

    def lower(self, errors: float) -> float:
        """The value less this many standard errors."""
        return self.value - errors * self.error


def area(score: Floats, y: Labels, users: Ints, within: Flags) -> Area:
    """The AUC of `score` (n,) for y (n,) 0/1 among the rows `within` (n,); users (n,) int64, 0 … U − 1; NaN scores rank highest.

    Ties count one half. Raises ValueError unless both outcomes are there.
    """
    order = np.argsort(score, kind="stable")
    return _area(order[within[order]], score, y, users)


def best_areas(columns: Floats, y: Labels, users: Ints, strata: dict[str, Flags]) -> dict[str, list[Area]]:
    """By stratum (n,), for each of k columns (k, n) the greater AUC of the four ways to read it alone.

    Upwards or downwards, with undefined values (NaN) above or below all others. Each column is sorted once for all strata.
    """
    found: dict[str, list[Area]] = {name: [] for name in strata}
    for column in columns:
        order = np.argsort(column, kind="stable")
        undefined = int(np.isnan(column).sum())
        turned = np.roll(order, undefined) if undefined else order
        for name, within in strata.items():
            ways = [_area(order[within[order]], column, y, users).upward]
            if undefined:
                ways.append(_area(turned[within[turned]], column, y, users).upward)
            found[name].append(max(ways, key=lambda area: area.value))
    return found


def mean_area(score: Floats, y: Labels, users: Ints, folds: Ints) -> Area:
    """The mean over folds (n,) of the AUC within each: scores of models that were fitted apart are not compared with each other.

    Pooled out-of-fold scores rank below one half by chance alone: a fold rich in outcome 1 is scored by a model that saw few of them.
    Folds with one outcome only are left out; NaN if none is left.
    """
    parts = []
    for fold in np.unique(folds):
        inside = folds == fold
        if len(np.unique(y[inside])) == 2:
            parts.append(area(score, y, users, inside))
    if not parts:
        return Area(float("nan"), np.zeros(users.max(initial=0) + 1))
    return Area(float(np.mean([part.value for part in parts])), np.sum([part.influence for part in parts], axis=0) / len(parts))


def _area(order: Ints, score: Floats, y: Labels, users: Ints) -> Area:
    ones = int((y[order] == 1).sum())
    if ones in (0, len(order)):
        raise ValueError(f"{ones} of {len(order)} rows have outcome 1; both outcomes are needed")
    return Area(*_walk(order, score, y, users, int(users.max()) + 1, ones))


@njit(cache=True, nogil=True)
def _walk(order: Ints, score: Floats, y: Labels, users: Ints, count: int, ones: int) -> tuple[float, Floats]:
    """The AUC and (U,) influences, in one walk over rows in ascending order of their scores; equal ones (and NaNs) are one step."""
    rows = len(order)
    zeros = rows - ones
    influence = np.zeros(count)
    below_ones, below_zeros, total, start = 0, 0, 0.0, 0
    while start < rows:
        stop, here_ones = start, 0
        first = score[order[start]]
        while stop < rows and (score[order[stop]] == first or (np.isnan(first) and np.isnan(score[order[stop]]))):
            here_ones += y[order[stop]]
            stop += 1
        here_zeros = stop - start - here_ones
        share_below = (below_zeros + 0.5 * here_zeros) / zeros
        share_above = (ones - below_ones - 0.5 * here_ones) / ones
        total += here_ones * share_below
        for place in range(start, stop):
            row = order[place]
            influence[users[row]] += share_below / ones if y[row] == 1 else share_above / zeros
        below_ones += here_ones
        below_zeros += here_zeros
        start = stop
    value = total / ones
    for row in order:
        influence[users[row]] -= value / ones if y[row] == 1 else value / zeros
    return value, influence
