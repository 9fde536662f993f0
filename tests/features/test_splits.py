from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cutoff import Cutoff, local_midnight, parse_cutoff
from features.splits import Roles, latest_matured, roles, split
from features.target import Target

ZONES = ("UTC", "Europe/London", "Pacific/Auckland", "America/Sao_Paulo")


def target(horizon: int, gap: int = 0) -> Target:
    return Target("t", "occurs", "purchase", horizon, gap)


def test_online_retail_is_judged_at_the_ninth_of_october() -> None:
    found = split(target(30), parse_cutoff("2011-11-08", "Europe/London"), "Europe/London", cutoffs=3, step_days=14)
    assert str(found.evaluation) == "2011-10-08T23:00:00Z"
    assert [str(cutoff) for cutoff in found.training] == ["2011-08-11T23:00:00Z", "2011-08-25T23:00:00Z", "2011-09-08T23:00:00Z"]


def test_weekly_target_without_clock_changes() -> None:
    found = split(target(7), Cutoff(datetime(2026, 2, 1, tzinfo=UTC)), "UTC", cutoffs=2, step_days=7)
    assert [str(cutoff)[:10] for cutoff in (*found.training, found.evaluation)] == ["2026-01-11", "2026-01-18", "2026-01-25"]


@pytest.mark.parametrize(("embargo", "newest"), [(0, "2026-01-18"), (1, "2026-01-17"), (10, "2026-01-08")])
def test_an_embargo_lies_between_the_training_labels_and_the_evaluation_only(embargo: int, newest: str) -> None:
    found = split(target(7), Cutoff(datetime(2026, 2, 1, tzinfo=UTC)), "UTC", cutoffs=2, step_days=7, embargo_days=embargo)
    assert str(found.evaluation)[:10] == "2026-01-25"
    assert str(found.training[1])[:10] == newest
    assert found.training[1] == found.training[0].plus_days(7)


@given(
    st.dates(date(2015, 1, 1), date(2030, 1, 1)),
    st.sampled_from(ZONES),
    st.integers(1, 90),
    st.integers(0, 10),
    st.integers(1, 6),
    st.integers(1, 30),
    st.integers(0, 60),
)
def test_no_label_reaches_what_it_is_judged_on(day: date, zone: str, horizon: int, gap: int, cutoffs: int, step: int, embargo: int) -> None:
    asked, as_of = target(horizon, gap), local_midnight(day, zone)
    found = split(asked, as_of, zone, cutoffs=cutoffs, step_days=step, embargo_days=embargo)
    assert asked.window(found.evaluation)[1] <= as_of
    latest = found.evaluation.plus_days(-embargo)
    assert all(asked.window(cutoff)[1] <= latest for cutoff in found.training)
    assert len(set(found.training)) == cutoffs
    assert list(found.training) == sorted(found.training)


@given(st.dates(date(2015, 1, 1), date(2030, 1, 1)), st.sampled_from(ZONES), st.integers(1, 90))
def test_the_next_midnight_would_not_have_matured(day: date, zone: str, horizon: int) -> None:
    as_of = local_midnight(day, zone)
    found = latest_matured(target(horizon), as_of, zone)
    following = local_midnight(date.fromordinal(found.local_date(zone).toordinal() + 1), zone)
    assert not target(horizon).matured(following, as_of)


@pytest.mark.parametrize("hour", [0, 6, 23])
def test_cutoffs_are_midnights_whatever_the_hour_of_the_run(hour: int) -> None:
    found = split(target(7), Cutoff(datetime(2026, 2, 1, hour, 30, tzinfo=UTC)), "UTC", cutoffs=2, step_days=7)
    assert {cutoff.instant.hour for cutoff in (*found.training, found.evaluation)} == {0}


@pytest.mark.parametrize(
    ("cutoffs", "expected"),
    [(1, Roles((0,), 0, 0)), (2, Roles((0,), 0, 1)), (3, Roles((0,), 1, 2)), (4, Roles((0, 1), 2, 3)), (6, Roles((0, 1, 2, 3), 4, 5))],
)
def test_the_newest_cutoffs_calibrate_and_end_training_and_the_older_ones_teach(cutoffs: int, expected: Roles) -> None:
    assert roles(cutoffs) == expected


def test_no_cutoffs_have_no_roles() -> None:
    with pytest.raises(ValueError, match="0 cutoffs have no roles"):
        roles(0)
