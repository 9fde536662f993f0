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
    marks = (rows - 1) // MARK + 1
    return Sums(
        np.zeros(LANES, np.int32),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros((marks, LANES), np.int32),
        np.zeros((marks, LANES)),
    )


@njit(cache=True, nogil=True, error_model="numpy")  # else every division asks first whether it may
def _walk(order: Order, weights: Weights, seen: Sums) -> None:
    users, value, rank, precision = seen.weight, seen.value, seen.rank, seen.precision
    group, held = np.zeros(LANES, dtype=np.int32), np.zeros(LANES)
    stretch, start, number = np.empty((MARK, LANES), dtype=np.uint8), 0, 0
    for first in range(0, len(order.place), MARK):
        for lane in range(LANES):
            seen.reached[first // MARK, lane] = users[lane] + group[lane]
            seen.found[first // MARK, lane] = value[lane] + held[lane]
        _fetch(order.place[first : first + MARK], weights, stretch)
        for at in range(first, min(first + MARK, len(order.place))):
            here, x, last = stretch[at - first], order.value[at], order.starts[number + 1] == at + 1
            if last and x == 0 and start == at:
                # Most users by far: alone with their score, and without a value.
                for lane in range(LANES):
                    users[lane] += here[lane]
            else:
                for lane in range(LANES):
                    group[lane] += here[lane]
                    held[lane] += here[lane] * x
                if last:
                    for lane in range(LANES):
                        users[lane] += group[lane]
                        value[lane] += held[lane]
                        rank[lane] += held[lane] * (2.0 * users[lane] - group[lane])
                        precision[lane] += held[lane] * value[lane] / max(users[lane], 1)
                        group[lane] = held[lane] = 0
            if last:
                start, number = at + 1, number + 1


@njit(cache=True, nogil=True)
def _run(order: Order, weights: Weights, seen: Sums) -> None:
    users, value = seen.weight, seen.value
    stretch = np.empty((MARK, LANES), dtype=np.uint8)
    for first in range(0, len(order.place), MARK):
        seen.reached[first // MARK], seen.found[first // MARK] = users, value
        _fetch(order.place[first : first + MARK], weights, stretch)
        for at in range(first, min(first + MARK, len(order.place))):
            here, x = stretch[at - first], order.value[at]
            for lane in range(LANES):
                users[lane] += here[lane]
                value[lane] += here[lane] * x


@njit(cache=True, nogil=True)
def _fetch(place: Places, weights: Weights, stretch: Weights) -> None:
    """Copy the weights of users that lie all over the memory: with nothing else to do, many of them are on their way at once."""
    whole, near = weights.view(np.uint64), stretch.view(np.uint64)
    for at in range(len(place)):
        row = place[at]
        for word in range(LANES // 8):
            near[at, word] = whole[row, word]


@njit(cache=True, nogil=True)
def _look(order: Order, weights: Weights, seen: Sums, edges: Floats, above: Floats) -> None:
    for lane in range(LANES):
        for edge in range(len(edges)):
            if seen.weight[lane] > 0:
                above[edge, lane] = _above(order, weights, seen, lane, edges[edge, lane])


@njit(cache=True, nogil=True)
def _above(order: Order, weights: Weights, seen: Sums, lane: int, edge: float) -> float:
    """Values above one edge of one sample that holds users."""
    at = max(int(np.searchsorted(seen.reached[:, lane], edge, side="left")) - 1, 0) * MARK
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
    mark = min(end // MARK, len(seen.reached) - 1)
    users, value = float(seen.reached[mark, lane]), seen.found[mark, lane]
    for at in range(mark * MARK, end):
        weight = weights[order.place[at], lane]
        users += weight
        value += weight * order.value[at]
    return users, value


@njit(cache=True, nogil=True)
def _add(columns: Floats, weights: Weights, found: Floats) -> None:
    """Four rows at a time, so that a sum is fetched and put back for four of them."""
    times, x = np.zeros((4, LANES)), np.zeros((4, columns.shape[1]))
    for first in range(0, len(columns), 4):
        rows = min(4, len(columns) - first)
        times[rows:], x[rows:] = 0, 0
        for row in range(rows):
            for lane in range(LANES):
                times[row, lane] = weights[first + row, lane]
            for column in range(columns.shape[1]):
                x[row, column] = columns[first + row, column]
        for column in range(columns.shape[1]):
            x0, x1, x2, x3 = x[0, column], x[1, column], x[2, column], x[3, column]
            for lane in range(LANES):
                found[column, lane] += times[0, lane] * x0 + times[1, lane] * x1 + (times[2, lane] * x2 + times[3, lane] * x3)
