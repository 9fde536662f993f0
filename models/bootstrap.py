"""How sure a figure is: the figures of many samples of the same users, drawn with replacement, every model on the same samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from models import poisson_weights, weighted_order
from models.classifier import Floats, Labels
from models.poisson_weights import LANES, Weights
from models.weighted_order import Order

TENTHS = 10
BIASED = ("ece",)
"""Figures that a sample of a sample makes larger: chance moves each bin's share away from its probability once more."""


class _Prepared(NamedTuple):
    """What every sample looks at, sorted once.

    ranked, calibrated  one order per model: by `raw` with the outcomes, by `probability` with probability − outcome
    columns             (n, C) what is summed over all users: first each model's log loss, then its squared error
    expected, largest   orders of the amounts by each model's expected ones, and by themselves
    """

    reach: float
    ranked: Sequence[Order]
    calibrated: Sequence[Order]
    columns: Floats
    expected: Sequence[Order]
    largest: Sequence[Order]


def points(
    y: Labels,
    raw: Floats,
    probability: Floats,
    *,
    reach: float,
    amounts: Floats | None = None,
    expected: Floats | None = None,
) -> dict[str, Floats]:
    """Figure → (k,) its value for each of k models on the users as they are; see `replicates`.

    A figure that these users leave undefined, such as the AUC where only one outcome is present, is not there.
    """
    prepared = _prepare(y, raw, probability, reach, amounts, expected)
    found = _figures(prepared, poisson_weights.alike(len(y)))
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
    """Figure → (k, count) its values for k models on `count` samples of the users; sample r is the same for all models and figures.

    y (n,) 0/1, raw (k, n) log-odds, probability (k, n); for a target that is a sum also amounts (n,), of which those below 0 count as 0,
    and expected (k, n). All finite. threads 0: as many as there are cores; the same seed gives the same bits whatever their number.

    auc, average_precision  of the order by raw; users with equal scores share their outcomes evenly
    log_loss, brier         means over users
    ece                     as `calibration.expected_calibration_error`
    accuracy, precision, recall, f1  where the best-ranked `reach` share of the users is taken for outcome 1; of users that tie at the edge
                            the share that fits in counts
    lift_decile_1 … _10     share of outcome 1 among a tenth of the users ÷ among all, from the best-ranked tenth on; edges as above
    gain_decile_1 … _9      share of all outcomes 1 found among the best-ranked 10 … 90 %
    mae, rmse, gini         as in `metrics`; total_ratio: expected over observed total
    NaN where a sample leaves the figure undefined; a figure that the users themselves leave undefined is not there.
    """
    prepared = _prepare(y, raw, probability, reach, amounts, expected)
    keys = poisson_weights.keys(seed, count)

    def block(first: int) -> dict[str, Floats]:
        return _figures(prepared, poisson_weights.draw(keys[first : first + LANES], len(y)))

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = list(pool.map(block, range(0, count, LANES)))
    kept = _figures(prepared, poisson_weights.alike(len(y)))
    return {
        name: np.concatenate([each[name] for each in found], axis=1)[:, :count]
        for name, values in kept.items()
        if np.isfinite(values[:, 0]).all()
    }


def interval(figure: str, point: float, sample: Floats, *, difference: bool = False, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper end of the interval of a figure, or of the difference of two models' figures, from its replicates (r,).

    The middle `level` of the replicates that are defined. Those of a figure in `BIASED` lie above its value by about as much as the value
    lies above the truth: their distances to it are taken to the other side (the basic interval), and the figure's own ends are at least 0.
    Raises ValueError if no replicate is defined.
    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 13; Davison & Hinkley 1997, "Bootstrap methods and their
    application", section 5.2. Bias: Kumar, Liang & Ma 2019, "Verified uncertainty calibration".
    """
    defined = sample[np.isfinite(sample)]
    if not len(defined):
        raise ValueError(f"None of {len(sample)} replicates of {figure} is defined; an interval needs one")
    lower, upper = (float(end) for end in np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2]))
    if figure not in BIASED:
        return lower, upper
    least = -np.inf if difference else 0.0
    return max(2 * point - upper, least), max(2 * point - lower, least)


def _prepare(y: Labels, raw: Floats, probability: Floats, reach: float, amounts: Floats | None, expected: Floats | None) -> _Prepared:
    outcome = y.astype(np.float64)
    sure = np.clip(probability, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    losses = [-np.log(np.where(y == 1, p, 1 - p)) for p in sure]
    squares = [np.square(p - outcome) for p in probability]
    spent = [] if amounts is None or expected is None else [np.maximum(amounts, 0.0)]
    apart = [] if expected is None else [each - spent[0] for each in expected]
    columns = [
        *losses,
        *squares,
        *(np.abs(each) for each in apart),
        *(np.square(each) for each in apart),
        *(expected if expected is not None else ()),
        *spent,
    ]
    return _Prepared(
        reach,
        [weighted_order.descending(score, outcome) for score in raw],
        [weighted_order.descending(p, p - outcome) for p in probability],
        np.stack(columns, axis=1),
        [weighted_order.descending(each, spent[0]) for each in expected] if expected is not None else [],
        [weighted_order.descending(each, each) for each in spent],
    )


def _figures(prepared: _Prepared, weights: Weights) -> dict[str, Floats]:
    """Figure → (k, LANES)."""
    k = len(prepared.ranked)
    users = weights.sum(axis=0, dtype=np.int64)
    total = weighted_order.totals(prepared.columns, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranked = [_ranked(order, weights, prepared.reach) for order in prepared.ranked]
        found = {name: np.stack([each[name] for each in ranked]) for name in ranked[0]}
        found |= {"log_loss": total[:k] / users, "brier": total[k : 2 * k] / users}
        found["ece"] = np.stack([_ece(order, weights, users) for order in prepared.calibrated])
        if prepared.largest:
            found |= _amounts(prepared, weights, users, total[2 * k :])
    return found


def _ranked(order: Order, weights: Weights, reach: float) -> dict[str, Floats]:
    """Figure → (LANES,) for one model's order of the users."""
    seen = weighted_order.sums(order, weights)
    users, ones = seen.weight.astype(np.float64), seen.value
    zeros = users - ones
    shares = np.array([*np.arange(1, TENTHS) / TENTHS, reach])
    above = weighted_order.found_above(order, weights, seen, shares[:, None] * users)
    gains = above[:-1] / ones
    hit, reached = above[-1], reach * users
    lifts = np.diff(np.concatenate([np.zeros((1, LANES)), gains, np.where(ones > 0, 1.0, np.nan)[None]]), axis=0) * TENTHS
    return {
        "auc": 1 - (seen.rank - ones**2) / (2 * ones * zeros),
        "average_precision": seen.precision / ones,
        "accuracy": (zeros - reached + 2 * hit) / users,
        "precision": hit / reached,
        "recall": hit / ones,
        "f1": 2 * hit / (reached + ones),
        **{f"lift_decile_{place + 1}": lift for place, lift in enumerate(lifts)},
        **{f"gain_decile_{place + 1}": gain for place, gain in enumerate(gains)},
    }


def _ece(order: Order, weights: Weights, users: np.ndarray) -> Floats:
    # Of bins that differ by one user, those of the lower probabilities hold one more; here the count starts at the top.
    bins = np.arange(TENTHS, -1, -1)[:, None]
    edges = (users - bins * (users // TENTHS) - np.minimum(bins, users % TENTHS)).astype(np.float64)
    seen = weighted_order.running(order, weights)
    above = weighted_order.found_above(order, weights, seen, edges)
    gaps: Floats = np.abs(np.diff(above, axis=0)).sum(axis=0) / users
    return gaps


def _amounts(prepared: _Prepared, weights: Weights, users: np.ndarray, total: Floats) -> dict[str, Floats]:
    k = len(prepared.expected)
    spent = total[-1]
    best = weighted_order.sums(prepared.largest[0], weights)
    most = users * best.value - best.rank
    most[most <= 1e-12 * users * best.value] = np.nan
    orders = [weighted_order.sums(order, weights) for order in prepared.expected]
    return {
        "mae": total[:k] / users,
        "rmse": np.sqrt(total[k : 2 * k] / users),
        "gini": np.stack([(users * each.value - each.rank) / most for each in orders]),
        "total_ratio": np.where(spent > 0, total[2 * k : 3 * k] / spent, np.nan),
    }
