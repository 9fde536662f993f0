"""From a model's raw log-odds to a probability that means what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_array, diags_array
from scipy.special import expit, logit

from features.timeline import Ints
from models.classifier import Floats, Labels
from models.isotonic import centered_isotonic
from models.platt import LEAST_SLOPE, platt, softened

FOLDS = 5
LARGEST_MOVE = 1e4
"""In log-odds: from any share of outcomes to any other."""

LEAST_OF_EACH = 200
"""Outcomes of each kind from which on the isotonic curve is tried. With fewer, a step of it holds a handful of outcomes and follows their
luck; Niculescu-Mizil & Caruana 2005 found it worse than Platt scaling below some hundreds to a thousand rows."""


@dataclass(frozen=True)
class Calibrator:
    """A rising line or curve through the log-odds: `probability = 1 / (1 + exp(−calibrated))`.

    slope, intercept  calibrated = slope × raw + intercept; the slope is positive, so users keep the order the model gave them.
                      1 and 0 leave the model's own answer: the name is then `identity`, else `platt`
    knots, levels     (K,) empty for a line. Else, `isotonic`: the line's value is replaced by the curve through the points
                      (knots, levels), straight between them. Beyond the first and the last point the curve goes on almost level, with
                      slope `LEAST_SLOPE`: that keeps the order and claims no more than was seen.

    Raises ValueError for numbers that are not finite, a slope of 0 or less, knots that do not ascend, and levels that descend.
    """

    slope: float
    intercept: float
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not (np.isfinite([self.slope, self.intercept]).all() and self.slope > 0):
            raise ValueError(f"A calibrator needs a finite slope above 0 and a finite intercept, got {self.slope!r} and {self.intercept!r}")
        if len(self.knots) != len(self.levels):
            raise ValueError(f"A calibrator needs one level per knot, got {len(self.knots)} knots and {len(self.levels)} levels")
        if not np.isfinite([*self.knots, *self.levels]).all():
            raise ValueError(f"A calibrator's knots and levels must be finite, got {self.knots!r} and {self.levels!r}")
        if (np.diff(self.knots) <= 0).any() or (np.diff(self.levels) < 0).any():
            raise ValueError(f"A calibrator's knots must ascend and its levels must not descend, got {self.knots!r} and {self.levels!r}")

    @property
    def name(self) -> str:
        """`identity`, `platt` or `isotonic`."""
        if self.knots:
            return "isotonic"
        return "identity" if (self.slope, self.intercept) == (1.0, 0.0) else "platt"

    def log_odds(self, raw: Floats) -> Floats:
        """(n,) or any shape: calibrated log-odds for raw ones. Never descends, rounding aside; NaN stays NaN, ±inf stays ±inf."""
        line: Floats = self.slope * raw + self.intercept
        if not self.knots:
            return line
        beyond = line - np.clip(line, self.knots[0], self.knots[-1])
        curve: Floats = np.interp(line, self.knots, self.levels) + LEAST_SLOPE * beyond
        return curve

    def probability(self, raw: Floats) -> Floats:
        """(n,) probabilities in [0, 1] for (n,) raw log-odds. NaN stays NaN."""
        probability: Floats = expit(self.log_odds(raw))
        return probability

    def levelled(self, y: Labels, raw: Floats) -> Calibrator:
        """The same form, moved in log-odds so that the mean probability of raw (n,) is the share of outcome 1 among y (n,).

        For a model that was fitted again, on more than the one whose answers shaped this calibrator: newer rows have moved its level, and
        moving it a second time would be wrong. Outcomes are softened like Platt's, so the level is finite.
        """
        log_odds, share = self.log_odds(raw), float(softened(y).mean())
        off = float(brentq(lambda by: float(expit(log_odds + by).mean()) - share, -LARGEST_MOVE, LARGEST_MOVE))
        if self.knots:
            return replace(self, levels=tuple(level + off for level in self.levels))
        return replace(self, intercept=self.intercept + off)

    def to_json(self) -> dict[str, Any]:
        """The numbers, exactly: `slope`, `intercept`, and for a curve `knots` and `levels`."""
        curve = {"knots": list(self.knots), "levels": list(self.levels)} if self.knots else {}
        return {"slope": self.slope, "intercept": self.intercept, **curve}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibrator:
        """Inverse of `to_json`. Raises ValueError for anything that `to_json` does not write."""
        if extra := set(content) - {"slope", "intercept", "knots", "levels"}:
            raise ValueError(f"A calibrator holds slope, intercept, knots and levels; unknown is {', '.join(sorted(extra))}")
        try:
            knots, levels = (tuple(map(float, content.get(name, ()))) for name in ("knots", "levels"))
            return cls(float(content["slope"]), float(content["intercept"]), knots, levels)
        except KeyError as missing:
            raise ValueError(f"A calibrator holds 'slope' and 'intercept'; {missing} is missing") from missing
        except TypeError as error:
            raise ValueError(f"A calibrator holds numbers and lists of numbers only: {error}") from error


IDENTITY = Calibrator(1.0, 0.0)


@dataclass(frozen=True)
class Chosen:
    """A calibrator, and what it was chosen among: name → cross-validated log loss. Empty if there was nothing to compare on."""

    calibrator: Calibrator
    losses: Mapping[str, float] = field(default_factory=dict)


def fit(y: Labels, raw: Floats, *, seed: int = 0) -> Calibrator:
    """The calibrator of `choose`."""
    return choose(y, raw, seed=seed).calibrator


def choose(y: Labels, raw: Floats, *, seed: int = 0) -> Chosen:
    """The simplest calibration that no richer one beats, learned on scores of users the model did not learn from.

    y (n,) 0/1, raw (n,) float64 log-odds, finite. Identity, Platt scaling and centered isotonic regression are compared by log loss in
    `FOLDS`-fold cross-validation, rows drawn into folds by the seed, each outcome by itself. A richer form takes a simpler one's place if
    its mean loss is lower by more than one standard error of the rows' paired differences. The isotonic one is tried with `LEAST_OF_EACH`
    rows of each outcome or more; it bends Platt's line. Learned are softened outcomes, so no probability within the scores seen is 0 or 1.
    With fewer than `FOLDS` rows of an outcome nothing can be compared, and Platt scaling is taken. Rows count as independent.
    """
    if len(y) == 0 or not np.isfinite(raw).all():
        raise ValueError(f"Calibration needs finite scores, got {len(y)} of which {int(np.isfinite(raw).sum())} are finite")
    rarer = min(int((y == 1).sum()), int((y != 1).sum()))
    if rarer < FOLDS:
        return Chosen(_platt(y, raw))
    forms = FORMS if rarer >= LEAST_OF_EACH else FORMS[:2]
    losses = [_held_out_loss(form, y, raw, _folds(y, seed)) for form in forms]
    means = {name: float(loss.mean()) for name, loss in zip(NAMES, losses, strict=False)}
    return Chosen(forms[_simplest(losses)](y, raw), means)


def _identity(_y: Labels, _raw: Floats) -> Calibrator:
    return IDENTITY


def _platt(y: Labels, raw: Floats) -> Calibrator:
    return Calibrator(*platt(softened(y), raw))


def _isotonic(y: Labels, raw: Floats) -> Calibrator:
    goal = softened(y)
    slope, intercept = platt(goal, raw)
    knots, levels = centered_isotonic(slope * raw + intercept, goal)
    return Calibrator(slope, intercept, tuple(knots.tolist()), tuple(logit(levels).tolist()))


Form = Callable[[Labels, Floats], Calibrator]
FORMS: Sequence[Form] = (_identity, _platt, _isotonic)
NAMES = ("identity", "platt", "isotonic")


def _folds(y: Labels, seed: int) -> Labels:
    """(n,) each row's fold; every fold holds as many rows of either outcome, ± 1."""
    random, folds = np.random.default_rng(seed), np.empty(len(y), dtype=np.int8)
    for rows in (np.flatnonzero(y == 1), np.flatnonzero(y != 1)):
        folds[random.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return folds


def _held_out_loss(form: Form, y: Labels, raw: Floats, folds: Labels) -> Floats:
    """(n,) log loss of each row by the calibrator that was fitted without its fold."""
    margin = np.empty(len(y))
    for fold in range(FOLDS):
        held = folds == fold
        margin[held] = form(y[~held], raw[~held]).log_odds(raw[held])
    loss: Floats = np.logaddexp(0, margin) - (y == 1) * margin
    return loss


def _simplest(losses: Sequence[Floats]) -> int:
    """The position of the form to keep; `losses` from the simplest on."""
    kept = 0
    for richer in range(1, len(losses)):
        gain = losses[kept] - losses[richer]
        if gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5:
            kept = richer
    return kept


MANY_USERS = 20_000
"""From so many users on, a bin's outcomes are redrawn as one normal sum: it holds 2,000 of them or more."""


def expected_calibration_error(y: Labels, probability: Floats, bins: int = 10) -> float:
    """Mean over users of |mean probability − share of outcomes| of the user's bin.

    y (n,) 0/1, probability (n,). Bins hold equal numbers of users (± 1) in order of probability. Users with equal probability share
    their outcomes evenly, so their order does not matter. A perfectly calibrated model's figure is above 0 on any finite sample:
    `calibration_bound` says by how much.
    """
    values, inverse, counts, share = _binned(probability, bins)
    return float(np.abs(share @ (counts * values - np.bincount(inverse, weights=y))).sum()) / len(y)


def calibration_bound(probability: Floats, bins: int = 10, draws: int = 1000, seed: int = 0) -> float:
    """95th percentile of the expected calibration error that these users would show if the probabilities were exactly right.

    probability (n,) in [0, 1]. The outcomes are redrawn from the probabilities `draws` times by the seed.
    """
    values, _, counts, share = _binned(probability, bins)
    random = np.random.default_rng(seed)
    if len(probability) >= MANY_USERS:
        spread = share @ diags_array(np.sqrt(counts * values * (1 - values)))
        gaps = random.multivariate_normal(np.zeros(share.shape[0]), (spread @ spread.T).toarray(), draws, method="eigh")
    else:
        drawn = (random.binomial(counts, values) for _ in range(draws))
        gaps = np.array([share @ (counts * values - ones) for ones in drawn])
    return float(np.quantile(np.abs(gaps).sum(axis=1), 0.95)) / len(probability)


def _binned(probability: Floats, bins: int) -> tuple[Floats, Ints, Ints, csr_array]:
    """The V distinct probabilities, each user's position among them (n,), their users (V,), and the share of these in each bin (B, V)."""
    if len(probability) == 0 or bins < 1:
        raise ValueError(f"Calibration error needs users and at least one bin, got {len(probability)} users and {bins} bins")
    values, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    place = np.sort(inverse)
    sizes = [len(chunk) for chunk in np.array_split(place, min(bins, len(place)))]
    chosen = np.repeat(np.arange(len(sizes)), sizes)
    return values, inverse, counts, csr_array((1 / counts[place], (chosen, place)), shape=(len(sizes), len(values)))
