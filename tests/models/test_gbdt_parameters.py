from __future__ import annotations

from dataclasses import asdict

import pytest

from models.gbdt_parameters import GbdtParameters
from pipeline.config_sections import Gbdt

NAMES = ("events_any_7d", "events_purchase_7d", "days_since_any")


def test_the_defaults_are_those_of_the_configuration() -> None:
    assert asdict(GbdtParameters()) == Gbdt().model_dump()


def test_lightgbm_is_told_everything() -> None:
    told = GbdtParameters(
        learning_rate=0.1, leaves=9, depth=4, min_leaf=3, l1=0.5, l2=2.0, path_smooth=1.5, extra_trees=True, feature_fraction=0.4, threads=3
    ).settings(NAMES, seed=11)
    expected = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.1,
        "num_leaves": 9,
        "max_depth": 4,
        "min_data_in_leaf": 3,
        "lambda_l1": 0.5,
        "lambda_l2": 2.0,
        "path_smooth": 1.5,
        "extra_trees": True,
        "feature_fraction": 0.4,
        "seed": 11,
        "num_threads": 3,
    }
    assert told.items() >= expected.items()


@pytest.mark.parametrize(("fraction", "every"), [(1.0, 0), (0.5, 1)])
def test_a_share_of_the_rows_is_drawn_for_every_tree(fraction: float, every: int) -> None:
    told = GbdtParameters(bagging_fraction=fraction).settings(NAMES, seed=1)
    assert (told["bagging_fraction"], told["bagging_freq"]) == (fraction, every)


def test_bins_do_not_depend_on_the_seed() -> None:
    one, other = (GbdtParameters().settings(NAMES, seed) for seed in (1, 2))
    assert {name for name in one if one[name] != other[name]} == {"seed"}


@pytest.mark.parametrize(
    ("monotone", "directions"),
    [
        ({"events_any_7d": 1}, [1, 0, 0]),
        ({"events_*": 1, "days_since_any": -1}, [1, 1, -1]),
        ({"events_*": 1, "events_purchase_7d": -1}, [1, -1, 0]),
        ({"events_*": 1, "events_purchase_*": -1}, [1, -1, 0]),
        ({"*": -1}, [-1, -1, -1]),
    ],
)
def test_a_column_rises_or_falls_as_its_own_entry_or_its_longest_beginning_says(monotone: dict[str, int], directions: list[int]) -> None:
    told = GbdtParameters(monotone=monotone).settings(NAMES, seed=1)
    assert told["monotone_constraints"] == directions


@pytest.mark.parametrize("monotone", [{}, {"value_sum": 1}])
def test_without_an_entry_for_any_column_there_is_no_constraint(monotone: dict[str, int]) -> None:
    assert "monotone_constraints" not in GbdtParameters(monotone=monotone).settings(NAMES, seed=1)


def test_entries_that_stand_for_nothing_are_named() -> None:
    parameters = GbdtParameters(monotone={"events_*": 1, "events": 1, "days_since_any": -1, "value_*": 1})
    assert parameters.unmatched(NAMES) == ["events", "value_*"]


@pytest.mark.parametrize("device", ["gpu", "cuda"])
def test_only_a_cpu_is_told_to_be_deterministic(device: str) -> None:
    here, there = GbdtParameters().settings(NAMES, 1), GbdtParameters(device=device).settings(NAMES, 1)  # type: ignore[arg-type]
    assert (here["device_type"], here["deterministic"], here["force_row_wise"]) == ("cpu", True, True)
    assert there["device_type"] == device
    assert not {"deterministic", "force_row_wise"} & there.keys()
