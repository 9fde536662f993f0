"""95 % intervals that have a formula, and how likely a difference at least as bad is by chance. Rows are users, each by itself."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from models.classifier import Floats
from pipeline.evaluation.evidence import Estimate

Z = float(norm.ppf(0.975))


def normal(value: float, variance: float, *, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """Value ± 1.96 standard errors, cut off at what is possible; `variance` is that of the value."""
    half = Z * variance**0.5
    return Estimate(value, max(value - half, least), min(value + half, most))


def share(hits: float, rows: int) -> Estimate:
    """The share of `rows` users, at least one, that `hits` are, with Wilson's interval: it has a width at 0 and 1 too.

    Users who count by a part make `hits` a fraction. Source: Wilson 1927, "Probable inference, the law of succession, and statistical
    inference".
    """
    value, weight = hits / rows, Z**2 / rows
    middle = (value + weight / 2) / (1 + weight)
    half = (weight * value * (1 - value) + weight**2 / 4) ** 0.5 / (1 + weight)
    return Estimate(value, max(middle - half, 0.0), min(middle + half, 1.0))


def ratio(above: Floats, below: Floats) -> Estimate:
    """Sum of `above` (n,) over sum of `below` (n,), neither ever negative, `below` not all 0, n ≥ 2.

    The interval is that of the logarithm by the delta method, so it stays above 0 and reads the same upside down. Source: Casella &
    Berger 2002, "Statistical inference", section 5.5.4.
    """
    value = float(above.sum() / below.sum())
    if value == 0:
        return Estimate(0.0, 0.0, 0.0)
    residual = above / above.mean() - below / below.mean()
    reach = float(np.exp(Z * (residual.var(ddof=1) / len(residual)) ** 0.5))
    return Estimate(value, value / reach, value * reach)


def difference(values: Floats, covariance: Floats, one: int, other: int) -> tuple[Estimate, float]:
    """values[one] − values[other] for estimates (k,) with their covariance (k, k), and how likely it is this low by chance.

    The chance is one-sided: that of a normal difference of mean 0 to be this low or lower. It is 0.5 where both are the same.
    """
    value = float(values[one] - values[other])
    variance = max(float(covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]), 0.0)
    return normal(value, variance), chance_of_less(value, variance)


def chance_of_less(value: float, variance: float) -> float:
    """How likely a normal difference of mean 0 and this variance is `value` or lower; 0.5 for no difference at all."""
    if value == 0:
        return 0.5
    if variance <= 0:
        return float(value > 0)
    return float(norm.cdf(value / variance**0.5))
