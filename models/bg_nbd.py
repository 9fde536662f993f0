"""How often a user will repeat an event, from how often and how recently it came so far: the BG/NBD model.

While a user is active, events come at a constant rate λ; after each event the user leaves for good with probability p. Over users λ is
Gamma(r, rate α) and p is Beta(a, b). A user is three numbers: x repeats, the last of them t_x days after the first event, T days ago.
Source: Fader, Hardie & Lee 2005, '"Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model', Marketing Science 24.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, gammaln, hyp2f1, psi

from models.classifier import Floats

LEAST, MOST = (-5.0, -5.0, -5.0, -5.0), (5.0, 5.0, 3.0, 5.0)
"""Bounds of log r, log α (in mean ages), log a and log b: wide of any shop, and the closed form below is exact to 1e-7 within them."""

PRIOR_SD = 3.0
"""A weak prior, log-parameters normal around 0: it decides only what the rows leave open, such as b where nobody leaves."""

STARTS = ((0.0, 0.0, 0.0, 0.0), (-1.5, -2.0, -0.5, 1.0))

NUDGE = 1e-6
"""Where a − 1 or a + b + x − 1 is nearer to 0, the closed form is 0 ÷ 0; its value this far aside differs by about as little."""


@dataclass(frozen=True)
class BgNbd:
    """The parameters of a population; α in days. All are finite and above 0, else ValueError."""

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        if not all(isfinite(value) and value > 0 for value in asdict(self).values()):
            raise ValueError(f"The parameters of BG/NBD are finite numbers above 0, got {asdict(self)}")

    def alive(self, repeats: Floats, last: Floats, age: Floats) -> Floats:
        """(n,) probability of being still active at age T; 1 without repeats, NaN where a number is.

        repeats, last, age  (n,) x, t_x and T in days, 0 <= t_x <= T.
        """
        x, last, age = _contiguous(repeats, last, age)
        odds = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) + (self.r + x) * np.log((self.alpha + age) / (self.alpha + last))
        probability: Floats = np.where(x == 0, 1.0, expit(-odds))
        return probability

    def expected(self, repeats: Floats, last: Floats, age: Floats, days: float) -> Floats:
        """(n,) expected events in the `days` after age T, equation (10) of the paper; finite and >= 0, NaN where a number is.

        repeats, last, age  as in `alive`. The hypergeometric function is taken after Euler's transformation,
        F(A, B; C; z) = (1 − z)^(C−A−B) F(C−A, C−B; C; z): the paper's form overflows for many repeats, this one does not.
        Nobody is expected to do more than an active user who never leaves: that is the answer where the function has none.
        """
        x, last, age = _contiguous(repeats, last, age)
        excess = _aside(np.array(self.a - 1))
        third = _aside(self.a + self.b + x - 1)
        z = days / (self.alpha + age + days)
        staying = np.exp(excess * np.log1p(-z)) * hyp2f1(self.a + self.b - 1 - self.r, excess, third, z)
        most = (self.r + x) / (self.alpha + age) * days
        events = np.maximum(np.fmin(third * (1 - staying) / excess, most), 0)
        expected: Floats = self.alive(x, last, age) * events
        return expected

    def any_within(self, repeats: Floats, last: Floats, age: Floats, days: float) -> Floats:
        """(n,) probability of at least one event in the `days` after age T; NaN where a number is.

        repeats, last, age  as in `alive`. Nobody leaves before an event, and the rate of an active user is Gamma(r + x, rate α + T):
        without an event in t days is such a user with probability ((α + T) ÷ (α + T + t))^(r + x).
        """
        x, last, age = _contiguous(repeats, last, age)
        probability: Floats = self.alive(x, last, age) * -np.expm1((self.r + x) * -np.log1p(days / (self.alpha + age)))
        return probability

    def to_json(self) -> dict[str, float]:
        """The four numbers, exactly."""
        return asdict(self)

    @classmethod
    def from_json(cls, numbers: Mapping[str, float]) -> BgNbd:
        """Inverse of `to_json`. Raises ValueError for other keys, and for numbers that are not finite and above 0."""
        wanted = [field.name for field in fields(cls)]
        if sorted(numbers) != sorted(wanted):
            raise ValueError(f"BG/NBD has the parameters {', '.join(wanted)}, got {', '.join(sorted(numbers)) or 'none'}")
        return cls(**{name: float(numbers[name]) for name in wanted})


def fit(repeats: Floats, last: Floats, age: Floats) -> BgNbd:
    """The parameters that make n users' numbers most likely, within `LEAST`, `MOST` and the weak prior.

    repeats, last, age  (n,) x, t_x and T in days, 0 <= t_x <= T; users with a NaN are left out, and without any user the
    prior decides. Rows of one user at several cutoffs count as several users. Deterministic: the better of two descents from fixed starts.
    """
    known = np.column_stack(_contiguous(repeats, last, age))[~np.isnan(age)]
    distinct, weights = np.unique(known, axis=0, return_counts=True)
    counts, first = np.unique(distinct[:, 0], return_index=True)
    alike = weights.astype(np.float64)
    unit = float((distinct[:, 2] * alike).sum() / max(len(known), 1)) or 1.0
    times = np.add.reduceat(alike, first) if len(first) else alike
    x, last, age = _contiguous(distinct[:, 0], distinct[:, 1] / unit, distinct[:, 2] / unit)
    rows = _Rows(x, last, age, alike, counts, times)
    bounds = list(zip(LEAST, MOST, strict=True))
    descents = [minimize(rows.loss, start, jac=True, bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-8}) for start in STARTS]
    r, alpha, a, b = np.exp(min(descents, key=lambda descent: float(descent.fun)).x).tolist()
    return BgNbd(r, alpha * unit, a, b)


@dataclass(frozen=True)
class _Rows:
    """Distinct users to fit on, times in mean ages, and how many are alike; `counts` are the distinct x, ascending, `times` their users."""

    x: Floats
    last: Floats
    age: Floats
    weights: Floats
    counts: Floats
    times: Floats

    def loss(self, logs: Floats) -> tuple[float, Floats]:
        """Minus the log posterior per user, and its gradient by the log-parameters; the likelihood is equation (6) of the paper.

        Sums, not dot products: these go through BLAS, whose threads add in an order of their own.
        """
        (r, alpha, a, b), users, k, x = np.exp(logs), max(self.weights.sum(), 1.0), self.counts, self.x
        still, gone, others = np.log(alpha + self.age), np.log(alpha + self.last), b + np.maximum(x, 1) - 1
        stayed = -(r + x) * still
        left = np.where(x > 0, np.log(a / others) - (r + x) * gone, -np.inf)
        share = expit(left - stayed)
        of_count = gammaln(r + k) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + k) - gammaln(b) - gammaln(a + b + k)
        value = (self.times * of_count).sum() + (self.weights * np.logaddexp(stayed, left)).sum()
        common = psi(a + b) - psi(a + b + k)
        of_rate = r / alpha - (r + x) * ((1 - share) / (alpha + self.age) + share / (alpha + self.last))
        slope = np.array(
            [
                (self.times * (psi(r + k) - psi(r) + np.log(alpha))).sum() - (self.weights * ((1 - share) * still + share * gone)).sum(),
                (self.weights * of_rate).sum(),
                (self.times * common).sum() + (self.weights * share).sum() / a,
                (self.times * (common + psi(b + k) - psi(b))).sum() - (self.weights * share / others).sum(),
            ]
        )
        prior = logs / PRIOR_SD
        return float(((prior**2).sum() / 2 - value) / users), (prior / PRIOR_SD - slope * np.exp(logs)) / users


def _contiguous(*columns: Floats) -> tuple[Floats, ...]:
    """Copies without strides: NumPy's functions may round strided numbers in another way, and a user's bits shall not depend on that."""
    return tuple(np.ascontiguousarray(column, dtype=np.float64) for column in columns)


def _aside(value: Floats) -> Floats:
    """The value, moved away from 0 by `NUDGE` where it is nearer."""
    return np.where(np.abs(value) < NUDGE, NUDGE, value)
