"""Users in the order of a score, seen by many weighted samples at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from models.classifier import Floats
from models.poisson_weights import LANES, Weights

MARK = 256
"""Users between two notes of how far the sums have come."""

Places = npt.NDArray[np.int32]


class Order(NamedTuple):
    """n users from the highest score to the lowest.

    place   (n,) each user's position among the rows
    starts  (G + 1,) where each group of equal scores starts in `place`; the last one is n
    value   (n,) what is summed along the order, in that order
    """

    place: Places
    starts: Places
    value: Floats


class Sums(NamedTuple):
    """What LANES samples find along an order.

    weight     (LANES,) users, each as often as it is in the sample
    value      (LANES,) their values
    rank       (LANES,) values times twice the middle of the user's group, counted from the top
    precision  (LANES,) values times the mean value from the top to the end of the user's group
    reached    (marks, LANES) weight above every `MARK`th user; found: the values there
    """

    weight: npt.NDArray[np.int32]
    value: Floats
    rank: Floats
    precision: Floats
    reached: npt.NDArray[np.int32]
    found: Floats


def descending(score: Floats, value: Floats) -> Order:
    """The order of score (n,), with value (n,). Both finite."""
    place = np.argsort(-score).astype(np.int32)
    ordered = score[place]
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(score)]]).astype(np.int32)
    return Order(place, starts, value[place])


def sums(order: Order, weights: Weights) -> Sums:
    """What the samples find along the order."""
    empty = _empty(len(order.place))
    _walk(order, weights, empty)
    return empty


def running(order: Order, weights: Weights) -> Sums:
    """`sums` without `rank` and `precision`, in less time."""
    empty = _empty(len(order.place))
    _run(order, weights, empty)
    return empty


def found_above(order: Order, weights: Weights, seen: Sums, edges: Floats) -> Floats:
    """(E, LANES) sum of the values of the users above edges (E, LANES), counted in users; a share of a tie counts as that share."""
    above = np.zeros(edges.shape)
    _look(order, weights, seen, edges, above)
    return above


def totals(columns: Floats, weights: Weights) -> Floats:
    """(C, LANES) weighted sums of columns (n, C)."""
    found = np.zeros((columns.shape[1], LANES))
    _add(columns, weights, found)
    return found


def _empty(rows: int) -> Sums:
    marks = rows // MARK + 1
    return Sums(
        np.zeros(LANES, np.int32),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros((marks, LANES), np.int32),
        np.zeros((marks, LANES)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(order: Order, weights: Weights, seen: Sums) -> None:
    users, value, rank, precision = seen.weight, seen.value, seen.rank, seen.precision
    group, held = np.zeros(LANES, dtype=np.int32), np.zeros(LANES)
    for number in range(len(order.starts) - 1):
        start, end = order.starts[number], order.starts[number + 1]
        group[:], held[:] = 0, 0
        for at in range(start, end):
            if at % MARK == 0:
                for lane in range(LANES):
                    seen.reached[at // MARK, lane] = users[lane] + group[lane]
                    seen.found[at // MARK, lane] = value[lane] + held[lane]
            row, x = order.place[at], order.value[at]
            for lane in range(LANES):
                group[lane] += weights[row, lane]
                held[lane] += weights[row, lane] * x
        for lane in range(LANES):
            users[lane] += group[lane]
            value[lane] += held[lane]
            rank[lane] += held[lane] * (2.0 * users[lane] - group[lane])
            precision[lane] += held[lane] * value[lane] / max(users[lane], 1)
    _last_mark(len(order.place), seen)


@njit(cache=True, nogil=True)
def _run(order: Order, weights: Weights, seen: Sums) -> None:
    users, value = seen.weight, seen.value
    for at in range(len(order.place)):
        if at % MARK == 0:
            seen.reached[at // MARK] = users
            seen.found[at // MARK] = value
        row, x = order.place[at], order.value[at]
        for lane in range(LANES):
            users[lane] += weights[row, lane]
            value[lane] += weights[row, lane] * x
    _last_mark(len(order.place), seen)


@njit(cache=True, nogil=True)
def _last_mark(rows: int, seen: Sums) -> None:
    if rows % MARK == 0:
        seen.reached[rows // MARK] = seen.weight
        seen.found[rows // MARK] = seen.value


@njit(cache=True, nogil=True)
def _look(order: Order, weights: Weights, seen: Sums, edges: Floats, above: Floats) -> None:
    for lane in range(LANES):
        for edge in range(len(edges)):
            if seen.weight[lane] > 0:
                above[edge, lane] = _above(order, weights, seen, lane, edges[edge, lane])


@njit(cache=True, nogil=True)
def _above(order: Order, weights: Weights, seen: Sums, lane: int, edge: float) -> float:
    """Values above one edge of one sample that holds users."""
    mark = np.searchsorted(seen.reached[:, lane], edge, side="left")
    at = max(mark - 1, 0) * MARK
    reached = seen.reached[at // MARK, lane]
    while at < len(order.place) - 1 and reached + weights[order.place[at], lane] < edge:
        reached += weights[order.place[at], lane]
        at += 1
    group = np.searchsorted(order.starts, at, side="right") - 1
    users, value = _until(order, weights, seen, lane, order.starts[group])
    users_after, value_after = _until(order, weights, seen, lane, order.starts[group + 1])
    if users_after == users:
        return value
    return value + (value_after - value) * (edge - users) / (users_after - users)


@njit(cache=True, nogil=True)
def _until(order: Order, weights: Weights, seen: Sums, lane: int, end: int) -> tuple[float, float]:
    """Users and values of one sample before a place in the order."""
    mark = end // MARK
    users, value = float(seen.reached[mark, lane]), seen.found[mark, lane]
    for at in range(mark * MARK, end):
        weight = weights[order.place[at], lane]
        users += weight
        value += weight * order.value[at]
    return users, value


@njit(cache=True, nogil=True)
def _add(columns: Floats, weights: Weights, found: Floats) -> None:
    for row in range(len(columns)):
        for column in range(columns.shape[1]):
            x = columns[row, column]
            for lane in range(LANES):
                found[column, lane] += weights[row, lane] * x
