"""How sure a figure is: the figures of many samples of the same users, drawn with replacement, all models on the same samples."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models import poisson_weights, weighted_figures
from models.classifier import Floats, Labels
from models.poisson_weights import LANES

BIASED = ("ece",)
"""Figures that chance makes larger than the truth."""
SURE = 1.5
"""Standard errors of a tenth's calibration gap that are put down to chance. With fewer, the interval of a model whose probabilities are
right misses 0 too often; with more, that of a model with small gaps everywhere misses them (`tests.benchmarks.evaluation`)."""


def points(
    y: Labels,
    raw: Floats,
    probability: Floats,
    *,
    reach: float,
    threads: int = 0,
    amounts: Floats | None = None,
    expected: Floats | None = None,
) -> dict[str, Floats]:
    """Figure → (k,) its value for each of k models on the users as they are; figures and arguments are those of `replicates`.

    A figure that these users leave undefined is not there: without outcome 1 average precision, recall, lifts, gains and the AUC, without
    outcome 0 the AUC, where all amounts are equal the gini, where all are 0 the total ratio. Raises ValueError like `replicates`.
    """
    _refuse(y, raw, probability, reach, amounts, expected)
    users = weighted_figures.prepared(y, raw, probability, reach=reach, threads=threads or _cores(), amounts=amounts, expected=expected)
    found = weighted_figures.found(users, poisson_weights.once(len(y))).figures
    return {name: values[:, 0] for name, values in found.items() if np.isfinite(values[:, 0]).all()}


def replicates(
    y: Labels,
    raw: Floats,
    probability: Floats,
    *,
    reach: float,
    count: int,
    seed: int,
    threads: int = 0,
    amounts: Floats | None = None,
    expected: Floats | None = None,
) -> dict[str, Floats]:
    """Figure → (k, count) its values for k models on `count` samples of the users; a sample is the same for all models and figures.

    y (n,) 0/1, raw (k, n) log-odds, probability (k, n); for a target that is a sum also amounts (n,), of which those below 0 count as 0,
    and expected (k, n). threads 0: as many as there are cores; the same seed gives the same bits whatever their number.

    auc, average_precision  of the order by raw; users with equal scores share their outcomes evenly
    log_loss, brier         means over users
    ece                     `calibration.expected_calibration_error` of the users, plus what chance adds to it in the sample; see `interval`
    accuracy, precision, recall, f1  where the best-ranked `reach` share of the users is taken for outcome 1; of users who tie at the edge
                            as many count as fit in
    lift_decile_1 … _10     share of outcome 1 among a tenth of the users ÷ among all, from the best-ranked tenth on; ties as above
    gain_decile_1 … _9      share of all outcomes 1 found among the best-ranked 10 … 90 %
    mae, rmse, gini         as in `metrics`; total_ratio: expected over observed total

    NaN where a sample leaves a figure undefined. Raises ValueError without users or models, for numbers that are not finite, for shapes
    that do not fit, and for a `reach` that is not between 0 and 1.
    """
    _refuse(y, raw, probability, reach, amounts, expected)
    threads = threads or _cores()
    users = weighted_figures.prepared(y, raw, probability, reach=reach, threads=threads, amounts=amounts, expected=expected)
    keys = poisson_weights.keys(seed, count)

    def some(first: int) -> weighted_figures.Found:
        return weighted_figures.found(users, poisson_weights.draw(keys[first : first + LANES], len(y)))

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(some, range(0, count, LANES)))
    figures = {name: np.concatenate([each.figures[name] for each in found], axis=1)[:, :count] for name in found[0].figures}
    gaps = np.concatenate([each.gaps for each in found], axis=2)[:, :, :count]
    return figures | {"ece": _calibration_error(weighted_figures.found(users, poisson_weights.once(len(y))).gaps[:, :, :1], gaps)}


def _calibration_error(gaps: Floats, samples: Floats) -> Floats:
    """(k, count) calibration error of gaps (k, 10, 1), and what chance adds to it in samples (k, 10, count).

    The error of a sample itself would not do. Absolute values have a kink at 0: where a gap is none, as in a model whose probabilities are
    right, chance moves the users' gap away from 0 by more than it then moves a sample's gap further away. So chance is added to gaps that
    have been shrunk by what may be chance already.
    Source: Andrews 2000, "Inconsistency of the bootstrap when a parameter is on the boundary of the parameter space"; Fang & Santos 2019,
    "Inference on directionally differentiable functions".
    """
    moved = samples - gaps
    shrunk = np.sign(gaps) * np.maximum(np.abs(gaps) - SURE * np.nanstd(moved, axis=2, keepdims=True), 0)
    added: Floats = np.abs(shrunk + moved).sum(axis=1) - np.abs(shrunk).sum(axis=1)
    added += np.abs(gaps).sum(axis=1)
    return added


def interval(figure: str, point: float, sample: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper end of the interval of a figure from its replicates (r,).

    The middle `level` of the replicates that are defined. Those of a figure in `BIASED` lie to one side of its value, by about as much as
    the value lies off the truth. As that is known roughly only, it moves just the end that it widens the interval by; neither end is
    below 0. Raises ValueError if no replicate is defined.
    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", chapters 10 and 13.
    """
    defined = sample[np.isfinite(sample)]
    if not len(defined):
        raise ValueError(f"None of {len(sample)} replicates of {figure} is defined; an interval needs one")
    lower, middle, upper = (float(end) for end in np.quantile(defined, [0.5 - level / 2, 0.5, 0.5 + level / 2]))
    if figure not in BIASED:
        return lower, upper
    bias = middle - point
    return max(point - max(bias, 0) - (upper - middle), 0.0), max(point - min(bias, 0) + middle - lower, 0.0)


def interval_between(figure: str, points: Floats, samples: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """Ends of the interval of the difference of two models' figures (2,), the first − the second, from their replicates (2, r).

    The middle `level` of the paired differences. Replicates of a figure in `BIASED` move together even where the models' true errors are
    apart, and how far either lies off the truth is known roughly only: there the ends are those of the two models' own intervals at their
    farthest, which is wide and safe. Raises ValueError like `interval`.
    """
    if figure not in BIASED:
        return interval(figure, float(points[0] - points[1]), samples[0] - samples[1], level=level)
    if np.array_equal(samples[0], samples[1]):
        return 0.0, 0.0  # the same answers
    (low, high), (other_low, other_high) = (interval(figure, float(points[model]), samples[model], level=level) for model in (0, 1))
    return low - other_high, high - other_low


def _cores() -> int:
    return os.cpu_count() or 1


def _refuse(y: Labels, raw: Floats, probability: Floats, reach: float, amounts: Floats | None, expected: Floats | None) -> None:
    if raw.ndim != 2 or 0 in raw.shape:
        raise ValueError(f"Figures need models and users, got scores of shape {raw.shape}")
    if (amounts is None) != (expected is None):
        raise ValueError("Amounts and expected amounts belong together; one of them is missing")
    if not 0 < reach < 1:
        raise ValueError(f"reach = {reach:g} must be a share between 0 and 1")
    users = raw.shape[1:]
    wanted: list[tuple[str, Labels | Floats, tuple[int, ...]]] = [
        ("outcomes", y, users),
        ("scores", raw, raw.shape),
        ("probabilities", probability, raw.shape),
    ]
    if amounts is not None and expected is not None:
        wanted += [("amounts", amounts, users), ("expected amounts", expected, raw.shape)]
    for name, values, shape in wanted:
        if values.shape != shape:
            raise ValueError(f"The {name} have the shape {values.shape}; beside scores of shape {raw.shape} it must be {shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"The {name} must be finite; a missing one belongs to a refused user")
