from __future__ import annotations

import pandas as pd
import pytest

from features.target import Target
from pipeline.scoring import interfaces
from pipeline.scoring.event_lists import cutoffs_of, events_of
from tests.pipeline.scoring.conftest import CUTOFF, NAMES, TARGET


def test_a_model_of_features_takes_a_number_in_each_of_its_columns() -> None:
    found = interfaces.of_features(TARGET, NAMES, (1.0, 3.5))
    assert found.reads == "features"
    assert [(column.name, column.holds) for column in found.columns] == [(name, "number") for name in NAMES]
    assert found.example == dict(zip(NAMES, (1.0, 3.5), strict=True))


def test_a_sum_is_answered_with_its_expected_value() -> None:
    assert interfaces.of_features(Target("spend_30d", "sum", "purchase", 30), NAMES, (0.0, 0.0)).outputs == ("score", "expected_value")


@pytest.mark.parametrize("event_types", [("view",), ("view", "cart", "purchase", "cancel")])
def test_the_example_of_events_can_be_read_and_lies_before_its_cutoff(event_types: tuple[str, ...]) -> None:
    found = interfaces.of_events(TARGET, event_types, CUTOFF)
    table = pd.DataFrame([found.example])
    events = events_of(table)
    assert cutoffs_of(table) == [CUTOFF]
    assert len(events) == 3
    assert set(events["event_type"].to_pylist()) <= set(event_types)
    assert all(moment < CUTOFF.instant for moment in events["event_time"].to_pylist())
    needed = [column.name for column in found.columns if not column.optional]
    assert sorted(needed) == sorted(found.example)
