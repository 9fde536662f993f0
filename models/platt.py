"""Platt scaling: the line through the log-odds that makes the outcomes most likely."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from models.classifier import Floats, Labels

LEAST_SLOPE = 1e-3
"""Scores that order users no better than chance, or the wrong way round, become nearly the base rate; never is their order reversed."""


def softened(y: Labels) -> Floats:
    """(n,) the outcomes 0/1 as 1/(n₀+2) and (n₁+1)/(n₁+2), the posterior means under a uniform prior: no fit to them reaches 0 or 1.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """
    positives = int((y == 1).sum())
    goal: Floats = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    return goal


def platt(goal: Floats, raw: Floats) -> tuple[float, float]:
    """Slope and intercept of maximum likelihood for `slope × raw + intercept`, the slope at least `LEAST_SLOPE`.

    goal (n,) softened outcomes, raw (n,) float64 log-odds, finite, n at least 1. Finite even where the classes separate.
    Source: Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support vector machines".
    """
    center, spread = float(raw.mean()), float(raw.std()) or 1.0
    unit = (raw - center) / spread

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margin = parameters[0] * unit + parameters[1]
        residual = expit(margin) - goal
        return float((np.logaddexp(0, margin) - goal * margin).mean()), np.array([(residual * unit).mean(), residual.mean()])

    start = np.array([1.0, float(np.log(goal.mean() / (1 - goal.mean())))])
    found = minimize(loss, start, jac=True, bounds=[(LEAST_SLOPE * spread, None), (None, None)], options={"ftol": 1e-14, "gtol": 1e-9})
    slope = max(float(found.x[0]) / spread, LEAST_SLOPE)
    return slope, float(found.x[1]) - float(found.x[0]) / spread * center
