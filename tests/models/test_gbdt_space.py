from __future__ import annotations

import warnings
from dataclasses import fields

import optuna
import pytest

from models.gbdt_parameters import GbdtParameters
from models.gbdt_space import NAMES, nearest, space

WILD = GbdtParameters(learning_rate=0.5, leaves=200, depth=12, min_leaf=1, l2=0.0, path_smooth=1e5, feature_fraction=0.01)


def test_what_is_searched_are_parameters() -> None:
    assert set(NAMES) <= {field.name for field in fields(GbdtParameters)}


@pytest.mark.parametrize(("depth", "low", "high"), [(6, 3, 6), (4, 3, 4), (2, 2, 2), (12, 3, 6)])
def test_trees_get_no_deeper_than_configured_nor_than_reasons_bear(depth: int, low: int, high: int) -> None:
    found = space(GbdtParameters(depth=depth), 1000)["depth"]
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize(("rows", "high"), [(0, 20), (1000, 20), (5000, 100), (10**7, 500)])
def test_leaves_hold_at_most_a_fiftieth_of_the_rows(rows: int, high: int) -> None:
    assert space(GbdtParameters(), rows)["min_leaf"].high == high


@pytest.mark.parametrize("start", [GbdtParameters(), WILD])
def test_any_start_has_a_point_of_the_space(start: GbdtParameters) -> None:
    allowed = space(start, 1000)
    point = nearest(start, allowed)
    assert point.keys() == set(NAMES)
    study = optuna.create_study()
    study.enqueue_trial(point)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns of a value outside
        assert study.ask(allowed).params == point


def test_a_start_inside_is_its_own_nearest_point() -> None:
    start = GbdtParameters(
        learning_rate=0.05, leaves=9, depth=4, min_leaf=15, l2=1.5, path_smooth=2.0, feature_fraction=0.5, extra_trees=True
    )
    assert all(getattr(start, name) == value for name, value in nearest(start, space(start, 1000)).items())
