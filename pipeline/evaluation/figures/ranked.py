"""Users in order of a score, counted once: every picture of an order is drawn from these counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.timeline import Ints
from models.classifier import Floats, Labels

FINE = 2000
"""Steps of an axis, more than a picture has points across: what moves less is not drawn."""


@dataclass(frozen=True)
class Ranked:
    """Of the users with the highest scores, after each of the V distinct scores, the highest first; both begin with 0.

    users, found  (V + 1,) how many they are, and how many of them have outcome 1
    """

    users: Ints
    found: Ints

    @property
    def true_rate(self) -> Floats:
        """(V + 1,) share of all users with outcome 1, both outcomes present: recall."""
        rate: Floats = self.found / self.found[-1]
        return rate

    @property
    def false_rate(self) -> Floats:
        """(V + 1,) share of all users with outcome 0."""
        others = self.users - self.found
        rate: Floats = others / others[-1]
        return rate

    @property
    def precision(self) -> Floats:
        """(V,) share of outcome 1 among them, from the first score on."""
        share: Floats = self.found[1:] / self.users[1:]
        return share

    @property
    def auc(self) -> float:
        """Ties count one half."""
        return float(np.trapezoid(self.true_rate, self.false_rate))

    @property
    def average_precision(self) -> float:
        """Precision at each distinct score, weighted by the recall it adds."""
        return float(np.diff(self.true_rate) @ self.precision)


def ranked(y: Labels, score: Floats) -> Ranked:
    """Outcomes y (n,) 0/1 in order of scores (n,), finite, at least one user."""
    order = np.argsort(-score)
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    users, found = last + 1, np.cumsum(y[order], dtype=np.int64)[last]
    return Ranked(np.concatenate([[0], users]), np.concatenate([[0], found]))


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The points of a line through [0, 1] × [0, 1] without those that would be drawn on the one before; the last is kept."""
    places = np.rint(FINE * np.stack([x, y])).astype(np.int64)
    kept = np.append(True, (np.diff(places) != 0).any(axis=0))
    kept[-1] = True
    return x[kept], y[kept]
