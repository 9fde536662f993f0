"""The trees of a LightGBM model, read from its text form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from features.timeline import Flags, Ints
from models.classifier import Floats

CATEGORICAL, DEFAULT_LEFT, MISSING_SHIFT = 1, 2, 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = range(3)
"""What counts as missing at a split: nothing (NaN is read as 0), zeros and NaN, NaN alone."""


@dataclass(frozen=True)
class Tree:
    """A tree of m splits and m + 1 leaves. Of a row that is not missing, x <= threshold goes left.

    column, threshold       (m,) which column of the matrix, and where it is split
    missing, default_left   (m,) one of MISSING_…, and whether what is missing goes left
    left, right             (m,) the next split, or ~leaf where negative; the root is split 0
    split_rows, leaf_rows   (m,) and (m + 1,) how many rows of the training came by
    value                   (m + 1,) log-odds of each leaf
    """

    column: Ints
    threshold: Floats
    missing: Ints
    default_left: Flags
    left: Ints
    right: Ints
    split_rows: Floats
    leaf_rows: Floats
    value: Floats

    @property
    def most_columns(self) -> int:
        """The most different columns on the way to a leaf."""
        ways: list[frozenset[int]] = [frozenset()] * len(self.column)
        most = 0
        # A split stands behind the one it is below.
        for split, column in enumerate(self.column.tolist()):
            way = ways[split] | {column}
            most = max(most, len(way))
            for child in (self.left[split], self.right[split]):
                if child >= 0:
                    ways[child] = way
        return most


def trees(booster: lightgbm.Booster) -> list[Tree]:
    """The trees that `booster.predict` adds up, in order; every number exactly as there.

    Raises ValueError for what is more than a sum of plain trees: several classes, averaged output, categorical splits, linear leaves.
    """
    text = booster.model_to_string()
    head, *bodies = text.partition("\nend of trees")[0].split("\nTree=")
    lines = head.splitlines()
    if booster.num_model_per_iteration() != 1:
        raise ValueError(f"A model of one output is read, this one has {booster.num_model_per_iteration()}")
    if "average_output" in lines:
        raise ValueError("A sum of trees is read, this model averages them")
    return [_tree(number, dict(line.split("=", 1) for line in body.splitlines() if "=" in line)) for number, body in enumerate(bodies)]


def _tree(number: int, fields: Mapping[str, str]) -> Tree:
    def numbers(name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        return np.array(fields.get(name, "").split(), dtype=kind)

    decision = numbers("decision_type", np.int64)
    if (decision & CATEGORICAL).any() or fields.get("is_linear", "0") != "0":
        raise ValueError(f"Splits at a threshold and leaves of one value are read; tree {number} has others")
    splits = len(decision)
    return Tree(
        column=numbers("split_feature", np.int64),
        threshold=numbers("threshold", np.float64),
        missing=decision >> MISSING_SHIFT & 3,
        default_left=decision & DEFAULT_LEFT != 0,
        left=numbers("left_child", np.int64),
        right=numbers("right_child", np.int64),
        split_rows=numbers("internal_count", np.float64),
        leaf_rows=numbers("leaf_count", np.float64) if splits else np.zeros(1),
        value=numbers("leaf_value", np.float64),
    )
