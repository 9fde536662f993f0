from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cutoff import DAY_MICROS, Cutoff, local_midnight, local_name, parse_cutoff

LONDON = "Europe/London"


def test_micros_and_key_name_the_same_instant() -> None:
    cutoff = Cutoff(datetime(2011, 10, 8, 23, tzinfo=UTC))
    assert cutoff.key == "20111008T230000Z"
    assert Cutoff.from_key(cutoff.key) == cutoff
    assert cutoff.micros == 1_318_114_800_000_000


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 – hypothesis takes naive bounds
def test_keys_sort_like_instants(naive: datetime) -> None:
    cutoff = Cutoff(naive.replace(tzinfo=UTC, microsecond=0))
    later = cutoff.plus_days(1)
    assert Cutoff.from_key(cutoff.key) == cutoff
    assert cutoff.key < later.key
    assert later.micros - cutoff.micros == DAY_MICROS


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (date(2026, 1, 5), "2026-01-05T00:00:00Z"),
        (date(2026, 7, 5), "2026-07-04T23:00:00Z"),
        (date(2026, 3, 29), "2026-03-29T00:00:00Z"),
        (date(2026, 3, 30), "2026-03-29T23:00:00Z"),
        (date(2026, 10, 25), "2026-10-24T23:00:00Z"),
        (date(2026, 10, 26), "2026-10-26T00:00:00Z"),
    ],
)
def test_midnight_follows_the_clock_changes(day: date, utc: str) -> None:
    assert str(local_midnight(day, LONDON)) == utc
    assert local_midnight(day, LONDON).local_date(LONDON) == day


def test_midnight_that_a_clock_change_removes_is_the_first_instant_of_that_day() -> None:
    cutoff = local_midnight(date(2018, 11, 4), "America/Sao_Paulo")
    assert str(cutoff) == "2018-11-04T03:00:00Z"
    assert cutoff.local_date("America/Sao_Paulo") == date(2018, 11, 4)


def test_a_day_is_24_hours_even_across_a_clock_change() -> None:
    assert str(local_midnight(date(2026, 3, 29), LONDON).plus_days(1)) == "2026-03-30T00:00:00Z"


def test_a_date_is_local_midnight_and_an_instant_is_itself() -> None:
    assert str(parse_cutoff("2026-07-05", LONDON)) == "2026-07-04T23:00:00Z"
    assert str(parse_cutoff("2026-07-05T06:00Z", LONDON)) == "2026-07-05T06:00:00Z"
    assert str(parse_cutoff("2026-07-05T06:00+02:00", LONDON)) == "2026-07-05T04:00:00Z"


@pytest.mark.parametrize(("text", "name"), [("2026-07-05", "2026-07-05"), ("2026-07-05T06:00Z", "2026-07-05T06:00:00Z")])
def test_a_cutoff_is_called_by_its_day_where_it_is_a_midnight(text: str, name: str) -> None:
    cutoff = parse_cutoff(text, "Europe/Berlin")
    assert local_name(cutoff, "Europe/Berlin") == name
    assert parse_cutoff(name, "Europe/Berlin") == cutoff


@pytest.mark.parametrize(("text", "says"), [("yesterday", "neither a date"), ("", "neither a date"), ("2026-07-05T06:00", "no offset")])
def test_other_texts_are_refused_with_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_cutoff(text, LONDON)


NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 – naive on purpose


@pytest.mark.parametrize("instant", [NAIVE, NAIVE.replace(tzinfo=timezone(timedelta(hours=1)))])
def test_only_utc_is_a_cutoff(instant: datetime) -> None:
    with pytest.raises(ValueError, match="UTC instant"):
        Cutoff(instant)
