"""An ingest killed anywhere leaves each day whole, old or new; one plain rerun leaves what an undisturbed run leaves (F7)."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.config import Config
from tests.faults.raw_shop import FIRST, LAKE_FOLDERS, Shop, Taken, day, made, range_of, row

DAYS = 3
KILLS = 10
STOPS = 2
ABSENT = "absent"


@dataclass(frozen=True)
class Nights:
    """Days that are in, their corrected files that are not, and what is in after those were taken in undisturbed."""

    shop: Shop
    before: Taken
    after: Taken
    seconds: float


def delivered(shop: Shop, days: int, salt: int) -> None:
    """Files with good rows, refused rows, re-deliveries within the day and from the day before, and late rows."""
    for number in range(days):
        at = day(number)
        good = [row(each, at, value=f"{salt}.{each % 100:02d}") for each in range(3_000 + 100 * salt)]
        bad = [row(each + 9_000, at, kind="unknown") for each in range(5 * salt + number)]
        again = good[:30] + ([row(each, day(number - 1), value=f"{salt}.{each % 100:02d}") for each in range(20)] if number else [])
        late = [row(each + 9_500, day(number - 1)) for each in range(salt)]
        shop.deliver(at, [*good, *bad, *again, *late])


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    shop = made(folder / "shop")
    delivered(shop, DAYS - 1, salt=1)
    shop.ingest(FIRST, DAYS - 1)
    before = shop.taken()
    delivered(shop, DAYS, salt=2)
    undisturbed = shop.copy(folder / "undisturbed")
    began = time.monotonic()
    undisturbed.ingest(FIRST, DAYS)
    seconds = time.monotonic() - began
    after = undisturbed.taken()
    assert sorted(after.events) == [str(day(number)) for number in range(DAYS)]
    assert all(before.events[each] != after.events[each] for each in before.events)
    return Nights(shop, before, after, seconds)


def is_whole(found: Taken, nights: Nights) -> list[bool]:
    """Every day is the old one or the new one, and so are the copies; whether each is new."""
    days = [str(day(number)) for number in range(DAYS)]
    new = []
    for each in days:
        events = found.events.get(each, ABSENT)
        assert events in (nights.before.events.get(each, ABSENT), nights.after.events[each])
        assert found.refused.get(each, []) in (nights.before.refused.get(each, []), nights.after.refused[each])
        assert found.validated.get(each) in (nights.before.validated.get(each), nights.after.validated[each])
        new.append(events == nights.after.events[each])
    assert sorted(found.events) == [each for each in days if each in found.events], "a day that nobody delivered"
    return new


def mended(shop: Shop, nights: Nights) -> None:
    """One plain rerun ends as if nothing had happened, and no table is there that should not be."""
    shop.ingest(FIRST, DAYS)
    assert shop.taken() == nights.after
    assert {path.name for path in Path(shop.lake.url).iterdir()} <= LAKE_FOLDERS


@pytest.mark.parametrize("turn", range(KILLS))
def test_an_ingest_killed_at_a_random_moment(nights: Nights, tmp_path: Path, turn: int) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    moment = nights.seconds * (turn + random.Random(turn).random()) / KILLS
    print(f"killed after {moment:.3f} s of {nights.seconds:.3f} s")  # noqa: T201 – shown where the test fails
    running = shop.begin(*range_of(FIRST, DAYS))
    time.sleep(moment)
    running.kill()
    assert running.ended().code in {-9, 0}
    new = is_whole(shop.taken(), nights)
    assert new == sorted(new, reverse=True), "days are committed in their order"
    mended(shop, nights)


@pytest.mark.parametrize("turn", range(STOPS))
def test_an_ingest_that_is_asked_to_stop_leaves_nothing_behind(nights: Nights, tmp_path: Path, turn: int) -> None:
    """SIGTERM, as Airflow sends it: days are whole, and the temporary folder is empty (F8)."""
    shop, temporary = nights.shop.copy(tmp_path / "shop"), tmp_path / "temporary"
    temporary.mkdir()
    moment = nights.seconds * (turn + random.Random(turn).random()) / STOPS
    print(f"stopped after {moment:.3f} s of {nights.seconds:.3f} s")  # noqa: T201 – shown where the test fails
    running = shop.begin(*range_of(FIRST, DAYS), environment={"TMPDIR": str(temporary)})
    time.sleep(moment)
    os.kill(running.pid, signal.SIGTERM)
    assert running.ended().code != 0 or shop.taken() == nights.after
    is_whole(shop.taken(), nights)
    assert list(temporary.iterdir()) == []


STEPS = {
    "pipeline.lake:Lake.put_file:after": 0,
    "pipeline.lake:Lake.put_part:before": 0,
    "pipeline.lake:Lake.put_part:after:2": 1,
    "pipeline.lake:Lake.commit:before": 0,
    "pipeline.lake:Lake.commit:after": 1,
    "pipeline.validation.gate:Gate.check:after:3": 2,
    "pipeline.warehouse.duckdb:DuckDBWarehouse.commit:before": DAYS,
    "pipeline.warehouse.duckdb:DuckDBWarehouse.commit:after": DAYS,
}
"""Steps of an ingest, and how many days are new in the lake when the process dies there."""


@pytest.mark.parametrize(("step", "days"), STEPS.items())
def test_an_ingest_killed_at_a_step(nights: Nights, tmp_path: Path, step: str, days: int) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    assert shop.begin(*range_of(FIRST, DAYS), die_at=step).ended().code == -9, "the step was never reached"
    assert is_whole(shop.taken(), nights) == [True] * days + [False] * (DAYS - days)
    mended(shop, nights)


@pytest.mark.parametrize("step", ["pipeline.lake:Lake.commit:after", "pipeline.warehouse.duckdb:DuckDBWarehouse.commit:before"])
def test_a_later_run_over_another_day_mends_the_copies(nights: Nights, tmp_path: Path, step: str) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    assert shop.begin(*range_of(FIRST), die_at=step).ended().code == -9
    killed = shop.taken()
    assert killed.events[str(FIRST)] == nights.after.events[str(FIRST)]
    assert killed.validated[str(FIRST)] == nights.before.validated[str(FIRST)], "killed too late to show anything"
    shop.ingest(day(DAYS - 1))
    mended_by_it = shop.taken()
    assert mended_by_it.validated[str(FIRST)] == nights.after.validated[str(FIRST)]
    assert mended_by_it.refused[str(FIRST)] == nights.after.refused[str(FIRST)]


@pytest.mark.parametrize("moment", ["before:2", "after:3"])
def test_copies_to_postgresql_killed_half_way(nights: Nights, tmp_path: Path, new_config: Callable[[str], Config], moment: str) -> None:
    """Of each day they are the run's or not there; the next run brings the rest."""
    url = new_config("postgresql").warehouse.url
    shop = made(tmp_path / "shop", more=f"[warehouse]\nurl = {json.dumps(url)}")
    delivered(shop, DAYS, salt=2)
    step = f"pipeline.warehouse.postgresql:PostgreSQLWarehouse.commit:{moment}"
    assert shop.begin(*range_of(FIRST, DAYS), die_at=step).ended().code == -9, "the step was never reached"
    found = shop.taken()
    assert all(rows == nights.after.refused[each] for each, rows in found.refused.items())
    assert all(said == nights.after.validated[each] for each, said in found.validated.items())
    assert len(found.validated) < DAYS, "killed too late to show anything"
    mended(shop, nights)


@pytest.mark.parametrize(
    "step", ["pipeline.lake:Lake.put_file:after", "pipeline.lake:Lake.commit:before", "pipeline.lake:Lake.commit:after"]
)
def test_a_first_ingest_of_all_killed(nights: Nights, tmp_path: Path, step: str) -> None:
    """The lake does not exist yet, or only just."""
    shop = made(tmp_path / "shop")
    delivered(shop, 1, salt=2)
    assert shop.begin(*range_of(FIRST), die_at=step).ended().code == -9
    found = shop.taken().events
    assert found == ({str(FIRST): nights.after.events[str(FIRST)]} if step.endswith("commit:after") else {})
    shop.ingest()
    assert shop.taken().events == {str(FIRST): nights.after.events[str(FIRST)]}
    assert shop.taken().validated[str(FIRST)] == nights.after.validated[str(FIRST)]
