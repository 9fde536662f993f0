"""What time does to a batch: changed clocks, impossible times, late rows, re-deliveries, any order, and days without events."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.faults.raw_shop import COLUMNS, FIRST, HEADER, Shop, day, made, row

BERLIN = ZoneInfo("Europe/Berlin")


def timed(times: list[str]) -> list[str]:
    """A line for each time."""
    return [f"e{number},u{number % 7},{time},view,1" for number, time in enumerate(times)]


def half_hours(found: date, zone: ZoneInfo) -> list[datetime]:
    """Every half hour of the local day, as instants."""
    begin, end = (datetime.combine(each, datetime.min.time(), zone).astimezone(UTC) for each in (found, found + timedelta(days=1)))
    return [begin + timedelta(minutes=30 * step) for step in range(int((end - begin) / timedelta(minutes=30)))]


@pytest.mark.parametrize(
    ("found", "zone", "steps"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 46),
        (date(2026, 10, 25), "Europe/Berlin", 50),
        (date(2028, 2, 29), "Europe/Berlin", 48),
        (date(2026, 12, 31), "America/New_York", 48),
        (date(2027, 1, 1), "Asia/Kathmandu", 48),
    ],
)
def test_a_day_of_23_or_25_hours_keeps_every_event(tmp_path: Path, found: date, zone: str, steps: int) -> None:
    instants = half_hours(found, ZoneInfo(zone))
    shop = made(tmp_path / "shop", source={"time_zone": zone})
    shop.deliver(found, timed([each.astimezone(ZoneInfo(zone)).isoformat() for each in instants]))
    shop.ingest(found)
    assert shop.tally(found) == (steps, steps, 0, 0, 0, True)
    events = shop.events(found)
    assert sorted(event["event_time"] for event in events) == instants
    assert {event["available_at"] for event in events} == {instants[-1] + timedelta(minutes=30)}


@pytest.mark.parametrize(("found", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_naive_times_around_a_change_stay_in_their_day(tmp_path: Path, found: date, hours: int) -> None:
    wall = [datetime(found.year, found.month, found.day) + timedelta(minutes=10 * step) for step in range(144)]  # noqa: DTZ001 – what a naive source writes
    shop = made(tmp_path / "shop", source={"time_zone": "Europe/Berlin"})
    shop.deliver(found, timed([each.isoformat(" ") for each in wall]))
    shop.ingest(found)
    assert shop.tally(found) == (144, 144, 0, 0, 0, True)
    begin = datetime(found.year, found.month, found.day, tzinfo=BERLIN).astimezone(UTC)
    assert {(event["event_time"] - begin) // timedelta(hours=1) for event in shop.events(found)} <= set(range(hours))


IMPOSSIBLE = {
    "9999-12-31T23:59:59Z": "event_time_future",
    f"{FIRST.year + 10}-01-05T10:00:00Z": "event_time_future",
    "1970-01-01T00:00:00Z": "event_time_past",
    "0001-01-01T00:00:00Z": "event_time_past",
    "0": "event_time_unreadable",
    "nan": "event_time_unreadable",
    "infinity": "event_time_unreadable",
    "2026-02-30T10:00:00Z": "event_time_unreadable",
    "2026-01-05T25:00:00Z": "event_time_unreadable",
    "99999-01-01T00:00:00Z": "event_time_unreadable",
    "-5000-01-01T00:00:00Z": "event_time_unreadable",
    "1767607200": "event_time_unreadable",
    "now": "event_time_unreadable",
    "": "event_time_missing",
}


def test_impossible_times_are_refused_each_with_its_rule(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    shop.deliver(FIRST, [*(row(number) for number in range(50)), *timed(list(IMPOSSIBLE))])
    shop.ingest()
    assert shop.tally() == (64, 50, 14, 0, 0, True)
    assert [each["rule"] for each in shop.refused()] == list(IMPOSSIBLE.values())
    for time, each in zip(IMPOSSIBLE, shop.refused(), strict=True):
        assert time[:80] in each["reason"]


def test_the_clock_on_the_wall_does_not_matter(tmp_path: Path) -> None:
    """A day of 2019 is taken in as one of today is."""
    long_ago = date(2019, 6, 3)
    shop = made(tmp_path / "shop")
    shop.deliver(long_ago, [row(number, long_ago) for number in range(20)])
    shop.ingest(long_ago)
    assert shop.tally(long_ago) == (20, 20, 0, 0, 0, True)
    assert {event["available_at"] for event in shop.events(long_ago)} == {datetime(2019, 6, 4, tzinfo=UTC)}


def test_late_events_are_counted_and_known_only_when_their_batch_ends(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    for number in range(3):
        late = [row(900 + each, day(number - 1)) for each in range(7)] if number else []
        shop.deliver(day(number), [*(row(each, day(number)) for each in range(40)), *late])
    for number in range(3):
        shop.ingest(day(number))
        assert shop.tally(day(number))[4] == (7 if number else 0)
    before = shop.taken()
    assert {event["available_at"] for event in shop.events(day(2))} == {datetime(2026, 1, 8, tzinfo=UTC)}
    assert sum(event["event_time"] < datetime(2026, 1, 7, tzinfo=UTC) for event in shop.events(day(2))) == 7
    again = made(tmp_path / "again")
    shutil.copytree(shop.folder / "events", again.folder / "events")
    again.ingest(FIRST, 3)
    assert again.taken() == before


@pytest.mark.parametrize("key", [(), ("event_id",), ("event_time", "event_type")])
def test_a_file_that_comes_again_under_another_day_adds_nothing(tmp_path: Path, key: tuple[str, ...]) -> None:
    shop = made(tmp_path / "shop", source={"key": list(key)})
    old = [row(number) for number in range(60)]
    shop.deliver(FIRST, old)
    shop.deliver(day(1), [*old, *(row(number, day(1)) for number in range(30))])
    shop.ingest(FIRST, 2)
    assert shop.tally(FIRST) == (60, 60, 0, 0, 0, True)
    assert shop.tally(day(1)) == (90, 30, 0, 60, 0, True)


def test_a_day_that_only_repeats_another_is_refused_whole(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    shop.deliver(FIRST, [row(number) for number in range(60)])
    shop.deliver(day(1), [row(number) for number in range(60)])
    shop.ingest()
    assert str(day(1)) in shop.refuses(12, day(1))


def test_the_same_event_twice_in_a_file_counts_once(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    once = [row(number) for number in range(40)]
    shop.deliver(FIRST, [*once, *random.Random(3).choices(once, k=25)])
    shop.ingest()
    assert shop.tally() == (65, 40, 0, 25, 0, True)


def test_a_declared_key_says_what_is_the_same_event(tmp_path: Path) -> None:
    """Two ids, one event: the key does not look at the id; another user with the same key is another event."""
    shop = made(tmp_path / "shop", source={"key": ["event_time", "event_type"]})
    twice = ["a,u1,2026-01-05T10:00:00Z,view,1", "b,u1,2026-01-05T10:00:00Z,view,1"]
    others = ["c,u2,2026-01-05T10:00:00Z,view,1", "d,u1,2026-01-05T10:00:00Z,purchase,1", "e,u1,2026-01-05T10:00:01Z,view,1"]
    shop.deliver(FIRST, [*twice, *others])
    shop.ingest()
    assert shop.tally() == (5, 4, 0, 1, 0, True)


def clicks(source: dict[str, Any], folder: Path) -> Shop:
    columns = {name: column for name, column in COLUMNS.items() if name != "event_id"}
    return made(folder, source=source, columns=columns)


def test_a_clickstream_of_day_resolution_keeps_thousands_of_identical_rows(tmp_path: Path) -> None:
    lines = [f"x,u{number % 3},2026-01-05,view," for number in range(6_000)]
    shop = clicks({"duplicates": "keep"}, tmp_path / "keep")
    shop.deliver(FIRST, lines)
    shop.ingest()
    assert shop.tally() == (6_000, 6_000, 0, 0, 0, True)
    events = shop.events()
    assert len({event["event_id"] for event in events}) == 6_000
    before = shop.taken()
    shop.ingest()
    assert shop.taken() == before
    dropping = clicks({"duplicates": "drop"}, tmp_path / "drop")
    dropping.deliver(FIRST, lines)
    dropping.ingest()
    assert dropping.tally() == (6_000, 3, 0, 5_997, 0, True)


@pytest.mark.parametrize("policy", ["drop", "keep"])
def test_rows_in_another_order_are_the_same_events(tmp_path: Path, policy: str) -> None:
    once = [row(number % 400, value=f"{number % 5}") for number in range(500)]
    digests = set()
    for seed in range(3):
        shop = clicks({"duplicates": policy}, tmp_path / f"{seed}")
        random.Random(seed).shuffle(once)
        shop.deliver(FIRST, once)
        shop.ingest()
        digests.add((shop.taken().events[str(FIRST)], shop.tally()))
    assert len(digests) == 1


@pytest.mark.parametrize("content", [None, HEADER + "\n", HEADER])
def test_a_day_without_events_is_named_and_changes_nothing(tmp_path: Path, content: str | None) -> None:
    shop = made(tmp_path / "shop")
    assert str(FIRST) in shop.refuses(13), "an empty folder"
    shop.deliver(FIRST, [row(number) for number in range(9)])
    shop.ingest()
    if content is not None:
        shop.deliver(day(1), content)
    assert str(day(1)) in shop.refuses(13, day(1))


def test_a_file_that_has_become_empty_leaves_the_day_as_it_was(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    shop.deliver(FIRST, [row(number) for number in range(9)])
    shop.ingest()
    shop.deliver(FIRST, HEADER + "\n")
    shop.refuses(13)
    shop.deliver(FIRST, "")
    shop.refuses(11)
    assert shop.tally() == (9, 9, 0, 0, 0, True)


def test_a_holiday_in_a_range_is_counted_and_the_days_around_it_stand(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    for number in (0, 2, 3):
        shop.deliver(day(number), [row(each, day(number)) for each in range(9)] if number != 3 else [])
    done = shop.ingest(FIRST, 4)
    assert '"days": 2' in done.out
    assert '"skipped_days": 2' in done.out
    assert sorted(shop.taken().events) == [str(day(0)), str(day(2))]
