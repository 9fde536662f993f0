from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.config import Config
from pipeline.leaks.sample import Sample
from pipeline.leaks.sampled_rows import LITTLE_HISTORY, sampled_rows
from pipeline.leaks.twins import check_twins, twins
from tests.synthetic_lake import AS_OF

NAN = np.nan


@pytest.mark.parametrize(
    ("rows", "cutoff", "share"),
    [
        ([[1, 2], [1, 3], [1, 2], [4, 4]], [0, 0, 0, 0], 0.5),
        ([[1, 2], [1, 3], [1, 2], [4, 4]], [0, 0, 1, 0], 0.0),
        ([[1, NAN], [1, -NAN]], [0, 0], 1.0),
        ([[1, NAN], [1, 0]], [0, 0], 0.0),
    ],
    ids=["equal", "at another cutoff", "undefined", "undefined is not nothing"],
)
def test_twins_are_rows_that_equal_another_of_their_cutoff(rows: list[list[float]], cutoff: list[int], share: float) -> None:
    assert twins(np.array(rows, dtype=np.float64), np.array(cutoff)) == share


def test_honest_users_differ_and_doubled_ones_do_not(sample: Sample, trained: Config) -> None:
    rows = sampled_rows(sample, trained.target("purchase_7d"), (AS_OF.plus_days(-14),))
    found, planted = check_twins(rows, "purchase_7d")
    assert (found.check, found.value, found.passed) == ("same_person", 0.0, True)
    assert (planted.check, planted.value, planted.passed) == ("planted", 1.0, True)


def test_without_a_rich_history_nothing_is_said(sample: Sample, trained: Config) -> None:
    rows = sampled_rows(sample, trained.target("purchase_7d"), (AS_OF.plus_days(-14),))
    assert not list(check_twins(replace(rows, strata={LITTLE_HISTORY: np.ones(len(rows.labels), dtype=bool)}), "purchase_7d"))
