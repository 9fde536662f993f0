"""`nightcast quarantine readmit` killed anywhere: the day as it was, or with its rows back; a rerun ends the same (F7)."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.faults.raw_shop import COLUMNS, FIRST, LAKE_FOLDERS, Shop, Taken, day, made, range_of, row
from tests.faults.warm import FORKS, PATIENCE_S

KILLS = 5
DAYS = 3
MENDED = ["view", "purchase", "click"]
READMIT = ("quarantine", "readmit", "--date", str(FIRST))


@dataclass(frozen=True)
class Nights:
    """Days that are in, with rows refused by a rule that has been mended since; and what is in once they came back undisturbed."""

    shop: Shop
    before: Taken
    after: Taken
    seconds: float


def knows_clicks(shop: Shop) -> None:
    """Mend the rule: clicks are events."""
    path = shop.folder / "nightcast.toml"
    text = path.read_text(encoding="utf-8")
    assert "'''purchase'''" in text
    path.write_text(text.replace("'''purchase'''", "'''purchase''', '''click'''", 1), encoding="utf-8")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    shop = made(folder / "shop")
    for number in range(DAYS):
        at = day(number)
        good, clicks = [row(each, at) for each in range(2_000)], [row(each + 3_000, at, kind="click") for each in range(300)]
        shop.deliver(at, [*good, *clicks, *clicks[:20], *(row(each + 5_000, at, kind="unknown") for each in range(7))])
    shop.ingest(FIRST, DAYS)
    assert shop.tally() == (2_327, 2_000, 327, 0, 0, True)
    before = shop.taken()
    knows_clicks(shop)
    undisturbed = shop.copy(folder / "undisturbed")
    began = time.monotonic()
    undisturbed.run(*READMIT)
    seconds = time.monotonic() - began
    assert undisturbed.tally() == (2_327, 2_300, 7, 20, 0, True)
    return Nights(shop, before, undisturbed.taken(), seconds)


def known_from(shop: Shop) -> dict[datetime, int]:
    """How many events of the first day are known from which instant on."""
    found: dict[datetime, int] = {}
    for event in shop.events(FIRST):
        found[event["available_at"]] = found.get(event["available_at"], 0) + 1
    return found


def is_mended(shop: Shop, nights: Nights) -> None:
    """One plain rerun ends as if nothing had happened; so does ingesting the day again, which doubles and ages nothing."""
    shop.run(*READMIT)
    assert shop.taken() == nights.after
    assert {path.name for path in Path(shop.lake.url).iterdir()} <= LAKE_FOLDERS


@pytest.mark.parametrize("turn", range(KILLS))
def test_a_readmission_killed_at_a_random_moment(nights: Nights, tmp_path: Path, turn: int) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    moment = nights.seconds * (turn + random.Random(turn).random()) / KILLS
    print(f"killed after {moment:.3f} s of {nights.seconds:.3f} s")  # noqa: T201 – shown where the test fails
    running = shop.begin(*READMIT)
    time.sleep(moment)
    running.kill()
    assert running.ended().code in {-9, 0}
    found = shop.taken()
    assert found.events in (nights.before.events, nights.after.events)
    assert found.refused in (nights.before.refused, nights.after.refused)
    assert found.validated in (nights.before.validated, nights.after.validated)
    is_mended(shop, nights)


@pytest.mark.parametrize(
    ("step", "is_back"),
    [
        ("pipeline.lake:Lake.put_file:after:2", False),
        ("pipeline.lake:Lake.commit:before", False),
        ("pipeline.lake:Lake.commit:after", True),
        ("pipeline.warehouse.duckdb:DuckDBWarehouse.commit:before", True),
    ],
)
def test_a_readmission_killed_at_a_step(nights: Nights, tmp_path: Path, step: str, is_back: bool) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    assert shop.begin(*READMIT, die_at=step).ended().code == -9, "the step was never reached"
    assert shop.taken().events == (nights.after if is_back else nights.before).events
    is_mended(shop, nights)


def test_ingesting_the_day_again_keeps_when_rows_came_back_and_doubles_nothing(nights: Nights, tmp_path: Path) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    shop.run(*READMIT)
    ends = {datetime(2026, 1, 6, tzinfo=UTC): 2_000, datetime(2026, 1, 5 + DAYS, tzinfo=UTC): 300}
    assert known_from(shop) == ends
    shop.ingest()
    assert known_from(shop) == ends
    assert shop.taken().events == nights.after.events
    assert shop.tally() == (2_327, 2_300, 7, 20, 0, True)
    shop.run(*READMIT)
    assert shop.taken().events == nights.after.events


def test_a_readmission_killed_after_its_commit_and_followed_by_an_ingest_forgets_nothing(nights: Nights, tmp_path: Path) -> None:
    shop = nights.shop.copy(tmp_path / "shop")
    assert shop.begin(*READMIT, die_at="pipeline.lake:Lake.commit:after").ended().code == -9
    shop.ingest(FIRST)
    assert shop.taken().events == nights.after.events


def test_identical_rows_that_came_back_stay_as_many_and_as_late(tmp_path: Path) -> None:
    """Where repeats are real, they are told apart by their number; ingesting again numbers them alike."""
    columns = {name: column for name, column in COLUMNS.items() if name != "event_id"}
    shop = made(tmp_path / "shop", source={"duplicates": "keep"}, columns=columns)
    for number in range(2):
        shop.deliver(day(number), [f"x,u1,{day(number)},{kind},1" for kind in ("view", "click") for _ in range(50)])
    shop.ingest(FIRST, 2)
    knows_clicks(shop)
    shop.run(*READMIT)
    assert shop.tally() == (100, 100, 0, 0, 0, True)
    assert known_from(shop) == {datetime(2026, 1, 6, tzinfo=UTC): 50, datetime(2026, 1, 7, tzinfo=UTC): 50}
    before = shop.taken()
    shop.ingest()
    assert shop.taken().events == before.events


@pytest.mark.parametrize("turn", range(2))
def test_a_readmission_while_its_day_is_ingested(nights: Nights, tmp_path: Path, turn: int) -> None:
    """One of them counts; the other has found the day taken."""
    shop, alone = nights.shop.copy(tmp_path / "shop"), nights.shop.copy(tmp_path / "alone")
    alone.ingest()
    meeting = partial(FORKS.Barrier(2).wait, PATIENCE_S)
    running = [shop.begin(*words, deeds={"pipeline.lake:Lake.commit:before": meeting}) for words in (READMIT, range_of(FIRST))]
    assert sorted(each.ended().code for each in running) in ([0, 0], [0, 31])
    assert shop.taken().events in (nights.after.events, alone.taken().events)
    assert shop.tally() == (2_327, 2_300, 7, 20, 0, True)
