"""Centered isotonic regression: a curve that only rises, drawn through the middle of each step."""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression

from models.classifier import Floats

MOST_GROUPS = 100
LEAST_IN_GROUP = 50
"""Neighbouring rows are pooled first, into at most 100 groups of at least 50: the curve's ends rest on that many rows, not on one lucky
user, and its numbers stay few however many rows there are."""


def centered_isotonic(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Knots (K,) ascending and levels (K,) ascending of the rising curve that fits y best, to be joined by straight lines.

    x, y (n,) finite, n at least 1; rows of equal x stay together. Isotonic regression gives steps; each step becomes one point, at the
    mean x of its rows. Between points the curve then rises everywhere, where the steps would give many users one value.
    Source: Oron & Flournoy 2017, "Centered isotonic regression: point and interval estimation for dose–response studies".
    """
    center, mean, weight = _grouped(x, y)
    fitted = isotonic_regression(mean, weights=weight).x
    step = np.concatenate([[0], np.cumsum(np.diff(fitted) > 0)])
    knots: Floats = np.bincount(step, weights=center * weight) / np.bincount(step, weights=weight)
    levels: Floats = fitted[np.searchsorted(step, np.arange(step[-1] + 1))]
    # The mean of almost equal numbers can round past its neighbour.
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(knots)) > 0])
    return knots[rising], levels[rising]


def _grouped(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean x, mean y and rows of each group, (G,), in order of x."""
    groups = min(MOST_GROUPS, max(1, len(x) // LEAST_IN_GROUP))
    edges = np.unique(np.quantile(x, np.arange(1, groups) / groups, method="lower"))
    group = np.searchsorted(edges, x, side="left")
    rows = np.bincount(group).astype(np.float64)
    held = rows > 0
    return np.bincount(group, weights=x)[held] / rows[held], np.bincount(group, weights=y)[held] / rows[held], rows[held]
