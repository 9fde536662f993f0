from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.validation.suite import END, requirements


def test_every_requirement_has_its_own_words(configured: Callable[..., Config]) -> None:
    words = [each.allowed for each in requirements(configured(max_null_share={"user_id": 0.0, "item_id": 0.1}))]
    assert len(set(words)) == len(words)


def test_thresholds_come_from_the_configuration(configured: Callable[..., Config]) -> None:
    found = {
        each.allowed: each.arguments
        for each in requirements(configured(min_rows=5, max_quarantined_share=0.1, max_null_share={"value": 0.25}))
    }
    assert found["at least 5 accepted rows (validation.min_rows)"] == {"min_value": 5}
    assert found["a quarantined share of at most 0.1 (validation.max_quarantined_share)"]["max_value"] == 0.1
    assert found["value null in at most 25% of the rows (validation.max_null_share)"] == {"column": "value", "mostly": 0.75}
    assert found["event_type one of view, purchase"]["value_set"] == ["view", "purchase"]


def test_the_end_of_the_day_is_a_parameter(configured: Callable[..., Config]) -> None:
    (times,) = [each.arguments for each in requirements(configured()) if each.expectation == "ExpectColumnValuesToBeBetween"]
    assert times["max_value"] == {"$PARAMETER": END}
    assert times["min_value"].isoformat() == "1971-01-01T00:00:00"


def test_a_column_that_events_do_not_have_is_refused(configured: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match="max_null_share names 'price'"):
        requirements(configured(max_null_share={"price": 0.1}))
