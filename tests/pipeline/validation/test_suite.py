from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.validation.requirement import Requirement
from pipeline.validation.suite import AGE, VOLUME, recent, requirements, wanted_types


def by_fact(config: Config) -> dict[str, Requirement]:
    return {each.fact: each for each in requirements(config)}


def test_every_requirement_has_its_own_name_and_words_and_a_bound(configured: Callable[..., Config]) -> None:
    found = requirements(configured(max_null_share={"user_id": 0.0, "item_id": 0.1}))
    assert len({each.fact for each in found}) == len({each.allowed for each in found}) == len(found)
    assert all(re.fullmatch("[A-Za-z0-9_]+", each.fact) for each in found)
    assert all((each.least, each.most) != (None, None) for each in found)


def test_every_column_that_is_never_null_is_required_to_be_so(configured: Callable[..., Config]) -> None:
    found = by_fact(configured())
    for field in EVENTS:
        assert f"{field.name} is never null" in found[f"wrong_{field.name}"].allowed if not field.nullable else True
    assert [name for name in found if name.startswith("wrong_")] == [
        f"wrong_{field.name}" for field in EVENTS if not field.nullable or field.name == "value"
    ]


def test_thresholds_come_from_the_configuration(configured: Callable[..., Config]) -> None:
    found = by_fact(
        configured(
            min_rows=5,
            max_quarantined_share=0.1,
            max_null_share={"value": 0.25},
            volume_band=(0.5, 2),
            volume_weeks=3,
            present_within_days=10,
            max_age_hours=7,
        )
    )
    assert (found["accepted_rows"].least, found["accepted_rows"].allowed) == (5, "accepted rows: at least 5 (validation.min_rows)")
    assert found["quarantined_share"].most == 0.1
    assert found["quarantined_share"].allowed == "at most 10% of the rows quarantined (validation.max_quarantined_share)"
    assert found["null_share_of_value"].most == 0.25
    assert found["null_share_of_value"].allowed == "value is null in at most 25% of the rows (validation.max_null_share)"
    assert (found[VOLUME].least, found[VOLUME].most) == (0.5, 2)
    assert "from 0.5 to 2 times the median of the last 3 same weekdays" in found[VOLUME].allowed
    assert "at least one purchase in 10 days" in found[recent("purchase")].allowed
    assert found[AGE].most == 7
    assert found["wrong_event_type"].allowed == "event_type is never null and one of view, purchase"
    assert found["wrong_bucket"].allowed == "bucket is never null and from 0 to 15 (lake.buckets)"


def test_each_type_that_a_target_asks_about_is_required_once(configured: Callable[..., Config]) -> None:
    config = configured()
    assert wanted_types(config) == ["purchase", "any"]
    assert [name for name in by_fact(config) if name.startswith("recent_")] == ["recent_purchase", "recent_any"]
    assert "at least one event in 28 days" in by_fact(config)["recent_any"].allowed


def test_what_is_switched_off_is_not_required(configured: Callable[..., Config]) -> None:
    found = by_fact(configured(present_within_days=0, max_age_hours=0))
    assert not [name for name in found if name.startswith("recent_") or name == AGE]


def test_a_column_that_events_do_not_have_is_refused(configured: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match="max_null_share names 'price'"):
        requirements(configured(max_null_share={"price": 0.1}))
