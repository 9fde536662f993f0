"""Exact contributions of each column to each prediction of a sum of trees."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple
from weakref import WeakKeyDictionary

import lightgbm
import numpy as np
import numpy.typing as npt
from numba import njit

from features.timeline import Ints
from models.classifier import Floats
from models.row_threads import over_rows
from models.tree_reading import MOST, Readings, read, readings
from models.tree_shap_tables import Part, parts
from models.tree_text import trees

BLOCK = 256
"""Rows explained together: a table is loaded once for all of them."""

MOST_COLUMNS, MOST_NUMBERS = 10, 1 << 25
"""Tables double with each column on the way to a leaf. From here on, or beyond 256 MB in all, LightGBM explains row by row."""

Bits = npt.NDArray[np.uint8]
Answers = npt.NDArray[np.uint16]


class Tables(NamedTuple):
    """The parts of all trees, one behind the other; `…_from[i]` to `…_from[i + 1]` are those of i.

    readings    how the splits see a row
    split_from  (T + 1,) splits of each tree: `reading` and `threshold` of each
    part_from   (T + 1,) parts of each tree
    ask_from    (P + 1,) questions of each part; step_from (Q + 1,) the steps of each question: `split` of its tree, `left` or right
    column_from (P + 1,) columns of each part: `column` of each; its table, (columns, answers), begins at number[table_from]
    """

    readings: Readings
    split_from: Ints
    reading: Ints
    threshold: Floats
    part_from: Ints
    ask_from: Ints
    step_from: Ints
    split: Ints
    left: Bits
    column_from: Ints
    column: Ints
    table_from: Ints
    number: Floats


_prepared: WeakKeyDictionary[lightgbm.Booster, Tables | None] = WeakKeyDictionary()
"""Tables of the models that this process holds: to make them takes as long as some hundred rows do with LightGBM."""


def contributions(booster: lightgbm.Booster, X: Floats, threads: int) -> Floats:
    """(n, F) path-dependent SHAP values of (n, F) X: they and the mean prediction add up to the log-odds, to 1e-9.

    booster  no longer trained on; threads  0: as many as there are cores. A row's values are the same whatever rows and threads are
    beside it. Source: Lundberg et al. 2018, "Consistent individualized feature attribution for tree ensembles"; by tables, as in
    Nadel & Wettenstein 2025 (WOODELF). Models too deep for tables are explained by LightGBM, a hundred times slower.
    Raises ValueError for another number of columns, and for more than a sum of plain trees (`tree_text.trees`).
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != booster.num_feature():
        raise ValueError(f"The trees read {booster.num_feature()} columns, got an array of shape {X.shape}")
    if booster not in _prepared:
        _prepared[booster] = tables(booster)
    prepared = _prepared[booster]
    if prepared is None:
        return np.asarray(booster.predict(X, pred_contrib=True, num_threads=threads), dtype=np.float64)[:, :-1]
    out = np.empty(X.shape)
    over_rows(lambda first, behind: _explain(X[first:behind], prepared, out[first:behind]), len(X), threads)
    return out


def tables(booster: lightgbm.Booster) -> Tables | None:
    """The tables of a model; None where they would be too large."""
    grown = trees(booster)
    if max(tree.most_columns for tree in grown) > MOST_COLUMNS:
        return None
    found: list[list[Part]] = []
    numbers = 0
    for tree in grown:
        found.append(list(parts(tree)))
        numbers += sum(part.table.size for part in found[-1])
        if numbers > MOST_NUMBERS:
            return None
    seen, chosen = readings(grown)
    every = [part for each in found for part in each]
    questions = [question for part in every for question in part.questions]
    steps = [step for question in questions for step in question]
    return Tables(
        seen,
        split_from=_starts([len(tree.column) for tree in grown]),
        reading=np.concatenate(chosen),
        threshold=np.minimum(np.concatenate([tree.threshold for tree in grown]), MOST),
        part_from=_starts([len(each) for each in found]),
        ask_from=_starts([len(part.questions) for part in every]),
        step_from=_starts([len(question) for question in questions]),
        split=np.array([split for split, _ in steps], dtype=np.int64),
        left=np.array([not right for _, right in steps], dtype=np.uint8),
        column_from=_starts([len(part.columns) for part in every]),
        column=np.array([column for part in every for column in part.columns], dtype=np.int64),
        table_from=_starts([part.table.size for part in every]),
        number=np.concatenate([part.table.ravel() for part in every]),
    )


def _starts(lengths: list[int]) -> Ints:
    return np.array([0, *accumulate(lengths)], dtype=np.int64)


@njit(cache=True, nogil=True)
def _explain(X: Floats, tables: Tables, out: Floats) -> None:
    """Write the contributions (n, F) of (n, F) X."""
    most = (tables.split_from[1:] - tables.split_from[:-1]).max()
    block, above = np.zeros((len(tables.readings.column), BLOCK)), np.zeros((most, BLOCK), dtype=np.uint8)
    sums, answers, agrees = np.empty((X.shape[1], BLOCK)), np.empty(BLOCK, dtype=np.uint16), np.empty(BLOCK, dtype=np.uint8)
    for first in range(0, len(X), BLOCK):
        rows = min(BLOCK, len(X) - first)
        read(X, first, rows, tables.readings, block)
        sums[:] = 0
        for tree in range(len(tables.part_from) - 1):
            start = tables.split_from[tree]
            for split in range(start, tables.split_from[tree + 1]):
                numbers, threshold, over = block[tables.reading[split]], tables.threshold[split], above[split - start]
                for row in range(BLOCK):
                    over[row] = numbers[row] > threshold
            for part in range(tables.part_from[tree], tables.part_from[tree + 1]):
                _ask(tables, part, above, agrees, answers)
                _look_up(tables, part, answers, sums)
        for row in range(rows):
            for column in range(X.shape[1]):
                out[first + row, column] = sums[column, row]


@njit(cache=True, nogil=True)
def _ask(tables: Tables, part: int, above: Bits, agrees: Bits, answers: Answers) -> None:
    """Write each row's answers to the questions of a part; `above` tells which rows go right at each split of its tree."""
    answers[:] = 0
    first = tables.ask_from[part]
    for question in range(first, tables.ask_from[part + 1]):
        agrees[:] = 1
        for step in range(tables.step_from[question], tables.step_from[question + 1]):
            right, left = above[tables.split[step]], tables.left[step]
            for row in range(BLOCK):
                agrees[row] &= right[row] ^ left
        bit = np.uint16(question - first)
        for row in range(BLOCK):
            answers[row] |= np.uint16(agrees[row]) << bit


@njit(cache=True, nogil=True)
def _look_up(tables: Tables, part: int, answers: Answers, sums: Floats) -> None:
    """Add what the tables of a part say of each row's answers."""
    size = 1 << (tables.ask_from[part + 1] - tables.ask_from[part])
    start = tables.table_from[part]
    for place in range(tables.column_from[part], tables.column_from[part + 1]):
        table, sum_ = tables.number[start : start + size], sums[tables.column[place]]
        for row in range(BLOCK):
            sum_[row] += table[answers[row]]
        start += size
