from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.validation.facts import Facts, day_facts
from pipeline.validation.suite import ACCEPTED, AGE, QUARANTINED, VOLUME, requirements
from tests.pipeline.validation.day_of_events import DAY, days_before, record

DAY_END = Cutoff(datetime(2026, 2, 1, tzinfo=UTC))
COUNTED = {ACCEPTED: 4, AGE: DAY_END.micros - 36_000_000_000, "recent_purchase": 0, "recent_any": 4}


def facts(config: Config, history: Sequence[DayRecord] = (), today: DayRecord | None = None, **counted: float) -> Facts:
    return day_facts(config, today or record(), history, {**COUNTED, **counted}, DAY_END)


@pytest.mark.parametrize(
    ("accepted_before", "times"),
    [([4, 4, 4, 4], 1.0), ([1, 2, 6, 100], 1.0), ([8, 8, 8, 8], 0.5), ([1000, 2, 2, 2, 2], 2.0)],
)
def test_volume_is_compared_with_the_median_of_the_last_same_weekdays(
    accepted_before: list[int], times: float, configured: Callable[..., Config]
) -> None:
    weeks = len(accepted_before)
    history = [record(DAY - timedelta(weeks=weeks - place), accepted) for place, accepted in enumerate(accepted_before)]
    found = facts(configured(volume_weeks=4), history)
    assert found.observed[VOLUME] == times
    assert VOLUME not in found.waiting


def test_other_weekdays_do_not_count(configured: Callable[..., Config]) -> None:
    history = [each if each.day.weekday() == DAY.weekday() else record(each.day, 1000) for each in days_before(28)]
    assert facts(configured(volume_weeks=4), history).observed[VOLUME] == 1.0


@pytest.mark.parametrize(("days", "there"), [(0, 0), (6, 0), (7, 1), (20, 2), (27, 3)])
def test_volume_waits_for_enough_weeks(days: int, there: int, configured: Callable[..., Config]) -> None:
    found = facts(configured(volume_weeks=4), days_before(days))
    assert found.waiting[VOLUME] == f"{there} of 4 earlier days of that weekday are there"
    assert found.usual == []


def test_what_is_usual_is_said(configured: Callable[..., Config]) -> None:
    history = [record(date(2026, 1, 17), 1000), record(date(2026, 1, 24), 3000)]
    (said,) = facts(configured(volume_weeks=2), history).usual
    assert said == "The usual number of accepted rows on a Saturday is 2,000, the median of 2026-01-17 1,000, 2026-01-24 3,000."


@pytest.mark.parametrize(
    ("purchase_days_ago", "found"),
    [(27, 2), (1, 2), (28, 0), (40, 0)],
)
def test_a_type_is_looked_for_in_the_last_days_this_one_included(
    purchase_days_ago: int, found: int, configured: Callable[..., Config]
) -> None:
    bought = DAY - timedelta(days=purchase_days_ago)
    history = [record(each.day, 4, view=2, purchase=2) if each.day == bought else each for each in days_before(50)]
    observed = facts(configured(present_within_days=28), history).observed
    assert observed["recent_purchase"] == found
    assert facts(configured(present_within_days=28), history, recent_purchase=5).observed["recent_purchase"] == found + 5


def test_any_event_counts_for_a_target_about_any_event(configured: Callable[..., Config]) -> None:
    assert facts(configured(present_within_days=3), days_before(10, accepted=7)).observed["recent_any"] == 4 + 2 * 7


@pytest.mark.parametrize(("days", "waits"), [(0, "1 of 28"), (26, "27 of 28"), (27, None), (28, None)])
def test_a_type_is_not_missed_before_the_days_reach_back_far_enough(
    days: int, waits: str | None, configured: Callable[..., Config]
) -> None:
    waiting = facts(configured(present_within_days=28), days_before(days)).waiting.get("recent_purchase")
    assert waiting == (waits and f"the days that are there reach back {waits} days")


def test_closed_days_do_not_keep_a_type_from_being_missed(configured: Callable[..., Config]) -> None:
    weekdays = [each for each in days_before(60) if each.day.weekday() < 5]
    assert "recent_purchase" not in facts(configured(present_within_days=28), weekdays).waiting


def test_age_runs_from_the_newest_event_to_the_end_of_the_day(configured: Callable[..., Config]) -> None:
    assert facts(configured()).observed[AGE] == 10.0
    assert day_facts(configured(), record(), [], {**COUNTED, AGE: None}, DAY_END).observed[AGE] is None


def test_the_quarantined_share_is_that_of_all_rows(configured: Callable[..., Config]) -> None:
    assert facts(configured(), today=record(accepted=1, quarantined=3)).observed[QUARANTINED] == 0.75


def test_what_waits_is_left_out_and_said(configured: Callable[..., Config]) -> None:
    config = configured()
    required = requirements(config)
    found = facts(config)
    kept = {each.fact for each in found.judged(required)}
    assert {each.fact for each in required} - kept == {VOLUME, "recent_purchase", "recent_any"}
    assert next(reason for _, reason in found.left_out(required)) == "0 of 4 earlier days of that weekday are there"
    assert len(found.left_out(required)) == 3


def test_of_a_day_without_events_only_their_number_is_judged(configured: Callable[..., Config]) -> None:
    config = configured()
    required = requirements(config)
    found = facts(config, days_before(60), accepted_rows=0)
    assert [each.fact for each in found.judged(required)] == [ACCEPTED]
    assert {reason for _, reason in found.left_out(required)} == {"there are no events"}


@given(accepted=st.lists(st.integers(1, 1000), min_size=4, max_size=12), today=st.integers(1, 1000))
def test_volume_scales_with_the_day_and_not_with_the_unit(accepted: list[int], today: int) -> None:
    columns = {"user_id": "u", "event_time": "t", "event_type": "k"}
    target = {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}
    config = Config(source={"files": "{date}.csv", "event_types": ["purchase"], "columns": columns}, targets={"t": target})

    def times(factor: int) -> float:
        history = [record(DAY - timedelta(weeks=len(accepted) - place), count * factor) for place, count in enumerate(accepted)]
        found = facts(config, history, accepted_rows=today * factor).observed[VOLUME]
        assert found is not None
        return found

    assert times(3) == pytest.approx(times(1))
