"""From a model's raw log-odds to a probability that means what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from models.classifier import Floats, Labels

LEAST_SLOPE = 1e-3


@dataclass(frozen=True)
class Calibrator:
    """Platt scaling: `probability = 1 / (1 + exp(−(slope × raw + intercept)))`.

    The slope is positive, so users keep the order the model gave them.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (isfinite(self.slope) and isfinite(self.intercept) and self.slope > 0):
            raise ValueError(
                f"Platt scaling needs a finite slope above 0 and a finite intercept, got {self.slope!r} and {self.intercept!r}"
            )

    def probability(self, raw: Floats) -> Floats:
        """(n,) probabilities in [0, 1] for (n,) raw log-odds. NaN stays NaN."""
        probability: Floats = expit(self.slope * raw + self.intercept)
        return probability

    def to_json(self) -> dict[str, float]:
        """The two numbers, exactly."""
        return {"slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_json(cls, numbers: Mapping[str, float]) -> Calibrator:
        """Inverse of `to_json`. Raises ValueError for missing, non-finite or non-positive numbers."""
        try:
            return cls(slope=float(numbers["slope"]), intercept=float(numbers["intercept"]))
        except KeyError as missing:
            raise ValueError(f"A calibrator holds 'slope' and 'intercept'; {missing} is missing") from missing


def fit(y: Labels, raw: Floats) -> Calibrator:
    """Platt scaling by maximum likelihood on scores of users the model did not learn from.

    y (n,) 0/1, raw (n,) float64 log-odds, finite. The outcomes are softened to (n₁+1)/(n₁+2) and 1/(n₀+2), the
    posterior means under a uniform prior, which keeps the fit finite when the classes separate. The slope is held at or above 0.001: scores
    that order users no better than chance then become nearly the base rate.
    Source: Platt 1999; Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support vector machines".
    """
    if len(y) == 0 or not np.isfinite(raw).all():
        raise ValueError(f"Calibration needs finite scores, got {len(y)} of which {int(np.isfinite(raw).sum())} are finite")
    positives, negatives = int((y == 1).sum()), int((y == 0).sum())
    goal = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    center, spread = float(raw.mean()), float(raw.std()) or 1.0
    unit = (raw - center) / spread

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margin = parameters[0] * unit + parameters[1]
        residual = expit(margin) - goal
        return float((np.logaddexp(0, margin) - goal * margin).mean()), np.array([(residual * unit).mean(), residual.mean()])

    start = np.array([1.0, float(np.log(goal.mean() / (1 - goal.mean())))])
    found = minimize(loss, start, jac=True, bounds=[(LEAST_SLOPE * spread, None), (None, None)], options={"ftol": 1e-14, "gtol": 1e-9})
    slope = float(found.x[0]) / spread
    return Calibrator(slope=max(slope, LEAST_SLOPE), intercept=float(found.x[1]) - slope * center)


def expected_calibration_error(y: Labels, probability: Floats, bins: int = 10) -> float:
    """Mean over users of |mean probability − share of outcomes| of the user's bin.

    y (n,) 0/1, probability (n,). Bins hold equal numbers of users (± 1) in order of probability. Users with equal probability share
    their outcomes evenly, so their order does not matter. A perfectly calibrated model's figure is above 0 on any finite sample.
    """
    if len(y) == 0 or bins < 1:
        raise ValueError(f"Calibration error needs users and at least one bin, got {len(y)} users and {bins} bins")
    values, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    shared = np.bincount(inverse, weights=y) / counts
    order = np.argsort(inverse, kind="stable")
    gaps = [abs(float((values - shared)[chunk].sum())) for chunk in np.array_split(inverse[order], min(bins, len(y)))]
    return sum(gaps) / len(y)
