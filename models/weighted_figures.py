"""The figures of several models on the same users, each user counted as often as a sample holds it, for many samples at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from models import weighted_order
from models.classifier import Floats, Labels
from models.poisson_weights import LANES, Weights
from models.weighted_order import Order

TENTHS = 10
SMALLEST = float(np.finfo(np.float64).eps)
"""A probability is taken for no less, and no more than 1 − it: so does scikit-learn's log loss."""
NOTHING_APART = 1e-12
"""Of the users' amounts, summed: what rounding leaves where all are equal."""


class Sorted(NamedTuple):
    """What all samples of the users look at, sorted once for k models.

    reach       share of the users at the operating point
    ranked      k orders by log-odds, of the outcomes
    calibrated  k orders by probability, of probability − outcome
    columns     (n, C) what is summed over all users: k log losses, k squared errors; for amounts k absolute errors, k squared ones, k
                expected amounts, and the amount
    expected    k orders by expected amount, of the amounts; empty for a target that is no sum, like `amount`
    amount      one order of the amounts by themselves
    """

    reach: float
    ranked: Sequence[Order]
    calibrated: Sequence[Order]
    columns: Floats
    expected: Sequence[Order]
    amount: Sequence[Order]


def prepared(
    y: Labels, raw: Floats, probability: Floats, *, reach: float, threads: int, amounts: Floats | None, expected: Floats | None
) -> Sorted:
    """The orders and columns for `found`; see `bootstrap.replicates` for what comes in."""
    outcome = y.astype(np.float64)
    spent = [] if amounts is None else [np.maximum(amounts, 0.0)]
    wanted = [] if expected is None else list(expected)
    pairs = [
        *((score, outcome) for score in raw),
        *((chance, chance - outcome) for chance in probability),
        *((each, spent[0]) for each in (*wanted, *spent)),
    ]
    with ThreadPoolExecutor(threads) as pool:
        orders = list(pool.map(lambda pair: weighted_order.descending(*pair), pairs))
    k = len(raw)
    return Sorted(
        reach, orders[:k], orders[k : 2 * k], _columns(outcome, probability, wanted, spent), orders[2 * k : 3 * k], orders[3 * k :]
    )


def _columns(outcome: Floats, probability: Floats, expected: Sequence[Floats], spent: Sequence[Floats]) -> Floats:
    k = len(probability)
    columns = np.empty((len(outcome), 2 * k + 3 * len(expected) + len(spent)))
    for place, chance in enumerate(probability):
        said = np.clip(np.where(outcome == 1, chance, 1 - chance), SMALLEST, 1 - SMALLEST)
        columns[:, place] = -np.log(said)
        columns[:, k + place] = np.square(chance - outcome)
    for place, each in enumerate(expected):
        columns[:, 2 * k + place] = np.abs(each - spent[0])
        columns[:, 3 * k + place] = np.square(each - spent[0])
        columns[:, 4 * k + place] = each
    for each in spent:
        columns[:, -1] = each
    return columns


class Found(NamedTuple):
    """figures: name → (k, LANES), NaN where a sample leaves it undefined; gaps: (k, 10, LANES), see `_calibration_gaps`."""

    figures: dict[str, Floats]
    gaps: Floats


def found(users: Sorted, weights: Weights) -> Found:
    """All figures of all models in each sample."""
    k = len(users.ranked)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows, ranked = zip(*(_ranked(order, weights, users.reach) for order in users.ranked), strict=True)
        sums = weighted_order.totals(users.columns, weights)
        gaps = np.stack([_calibration_gaps(order, weights) for order in users.calibrated])
        figures = {name: np.stack([each[name] for each in ranked]) for name in ranked[0]}
        figures |= {"log_loss": sums[:k] / rows[0], "brier": sums[k : 2 * k] / rows[0], "ece": np.abs(gaps).sum(axis=1)}
        return Found(figures | _amounts(users, weights, sums[2 * k :] / rows[0]) if users.amount else figures, gaps)


def _ranked(order: Order, weights: Weights, reach: float) -> tuple[Floats, dict[str, Floats]]:
    """Users in each sample (LANES,), and figure → (LANES,) for one model's order of them."""
    seen = weighted_order.sums(order, weights)
    users, ones = seen.weight.astype(np.float64), seen.value
    zeros = users - ones
    shares = np.array([*np.arange(1, TENTHS) / TENTHS, reach])
    *gains, hit = weighted_order.found_above(order, weights, seen, shares[:, None] * users)
    reached = reach * users
    steps = np.diff(np.stack([np.zeros(LANES), *gains, ones]), axis=0)
    return users, {
        "auc": 1 - (seen.rank - ones**2) / (2 * ones * zeros),
        "average_precision": seen.precision / ones,
        "accuracy": (zeros - reached + 2 * hit) / users,
        "precision": hit / reached,
        "recall": hit / ones,
        "f1": 2 * hit / (reached + ones),
        **{f"lift_decile_{place + 1}": TENTHS * step / ones for place, step in enumerate(steps)},
        **{f"gain_decile_{place + 1}": gain / ones for place, gain in enumerate(gains)},
    }


def _calibration_gaps(order: Order, weights: Weights) -> Floats:
    """(10, LANES) sum of probability − outcome over each tenth of the users, the highest probabilities first, ÷ users.

    Their absolute values add up to `calibration.expected_calibration_error` of the users that the sample holds.
    """
    seen = weighted_order.running(order, weights)
    users = seen.weight.astype(np.int64)
    # Where tenths differ by one user, those of the lower probabilities hold one more; the order starts at the top.
    bins = np.arange(TENTHS, -1, -1)[:, None]
    edges = (users - bins * (users // TENTHS) - np.minimum(bins, users % TENTHS)).astype(np.float64)
    gaps: Floats = np.diff(weighted_order.found_above(order, weights, seen, edges), axis=0) / users
    return gaps


def _amounts(users: Sorted, weights: Weights, means: Floats) -> dict[str, Floats]:
    """Figure → (k, LANES) of the amounts; means (3 k + 1, LANES) of their columns."""
    k = len(users.expected)
    best = _apart(users.amount[0], weights)
    best[best <= NOTHING_APART] = np.nan
    return {
        "mae": means[:k],
        "rmse": np.sqrt(means[k : 2 * k]),
        "gini": np.stack([_apart(order, weights) / best for order in users.expected]),
        "total_ratio": np.where(means[-1] > 0, means[2 * k : 3 * k] / means[-1], np.nan),
    }


def _apart(order: Order, weights: Weights) -> Floats:
    """(LANES,) area between the Lorenz curve of the values in this order and the diagonal, doubled; NaN without any value."""
    seen = weighted_order.sums(order, weights)
    return 1 - seen.rank / (seen.weight * seen.value)
