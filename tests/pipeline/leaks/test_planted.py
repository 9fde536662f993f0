from __future__ import annotations

import numpy as np
import polars as pl

from models.metrics import auc
from pipeline.leaks.planted import next_event, told, twice
from tests.features.literal import CUTOFF, event, table

EVENTS = pl.DataFrame(table(event("a", 3), event("a", 0), event("a", -2), event("b", 1), event("c", -1.5)))


def test_the_next_event_is_at_or_after_the_cutoff() -> None:
    found = next_event(pl.Series("user_id", ["c", "b", "a", "nobody"]), EVENTS, CUTOFF)
    assert found.tolist()[0] == 1.5
    assert found.tolist()[2] == 0.0
    assert np.isnan(found[[1, 3]]).all()


def test_an_outcome_that_was_told_is_almost_certain() -> None:
    labels = np.tile(np.array([0, 0, 1], dtype=np.int8), 400)
    assert 0.99 < auc(labels, told(labels, np.random.default_rng(7))) < 1


def test_everybody_is_there_twice_under_another_number() -> None:
    rows, labels, users = twice(np.array([[1.0], [2.0], [3.0]]), np.array([1, 0, 1], dtype=np.int8), np.array([0, 1, 0]))
    assert rows.ravel().tolist() == [1, 2, 3, 1, 2, 3]
    assert labels.tolist() == [1, 0, 1, 1, 0, 1]
    assert users.tolist() == [0, 1, 0, 2, 3, 2]
