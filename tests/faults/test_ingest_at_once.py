"""Several ingests at once: of one day, into an empty lake, of neighbouring days. One run's rows remain, and nothing is doubled (F4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.faults.raw_shop import FIRST, Shop, Taken, day, made, range_of, row
from tests.faults.warm import FORKS, PATIENCE_S, Ended

TURNS = 2
COMMIT = "pipeline.lake:Lake.commit:before"
BUSY = 31


def delivered(folder: Path) -> Shop:
    """Three days, with rows to refuse and to drop."""
    shop = made(folder)
    for number in range(3):
        at = day(number)
        good = [row(each, at) for each in range(2_000)]
        shop.deliver(at, [*good, *good[:40], *(row(each + 5_000, at, kind="unknown") for each in range(11 + number))])
    return shop


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """What is in when one run after the other took the days in."""
    shop = delivered(tmp_path_factory.mktemp("alone") / "shop")
    shop.ingest(FIRST, 3)
    return shop.taken()


def at_once(shop: Shop, words: Sequence[Sequence[str]]) -> list[Ended]:
    """The commands side by side; all of them meet right before their first commit."""
    meeting = partial(FORKS.Barrier(len(words)).wait, PATIENCE_S)
    running = [shop.begin(*each, deeds={COMMIT: meeting}) for each in words]
    return [each.ended() for each in running]


def is_one_run(shop: Shop, alone: Taken, days: int) -> None:
    """The first `days` days are in once, and so are their copies."""
    found, names = shop.taken(), [str(day(number)) for number in range(days)]
    assert found.events == {name: alone.events[name] for name in names}
    assert found.refused == {name: alone.refused[name] for name in names}
    assert found.validated == {name: alone.validated[name] for name in names}
    table = shop.lake.open("events")
    assert table is not None
    assert len(table.file_uris()) == days, "one file per day"


@pytest.mark.parametrize("turn", range(TURNS))
def test_two_first_runs_of_one_day_into_an_empty_lake(tmp_path: Path, alone: Taken, turn: int) -> None:
    shop = delivered(tmp_path / "shop")
    done = at_once(shop, [range_of(FIRST)] * 2)
    assert sorted(each.code for each in done) in ([0, 0], [0, BUSY])
    is_one_run(shop, alone, 1)


@pytest.mark.parametrize("turn", range(TURNS))
def test_two_runs_of_one_day_that_is_in_already(tmp_path: Path, alone: Taken, turn: int) -> None:
    shop = delivered(tmp_path / "shop")
    shop.deliver(FIRST, [row(each) for each in range(10)])
    shop.ingest(FIRST, 2)
    delivered(shop.folder)
    done = at_once(shop, [range_of(FIRST)] * 2)
    assert sorted(each.code for each in done) in ([0, 0], [0, BUSY])
    is_one_run(shop, alone, 2)


@pytest.mark.parametrize("first", [False, True], ids=["into an empty lake", "later"])
@pytest.mark.parametrize("turn", range(TURNS))
def test_a_day_while_the_next_one_runs(tmp_path: Path, alone: Taken, turn: int, first: bool) -> None:
    """The days are different, so both end well."""
    shop = delivered(tmp_path / "shop")
    if first:
        shop.ingest()
        done = at_once(shop, [range_of(day(1)), range_of(day(2))])
    else:
        done = at_once(shop, [range_of(FIRST), range_of(day(1))])
    assert [each.code for each in done] == [0, 0], "\n".join(each.said for each in done)
    is_one_run(shop, alone, 3 if first else 2)


def test_four_runs_over_one_range_end_in_one_run_a_day(tmp_path: Path, alone: Taken) -> None:
    shop = delivered(tmp_path / "shop")
    codes = [each.code for each in at_once(shop, [range_of(FIRST, 3)] * 4)]
    assert set(codes) <= {0, BUSY}
    shop.ingest(FIRST, 3)
    is_one_run(shop, alone, 3)


def test_a_run_that_found_the_day_taken_says_who_and_what_to_do(tmp_path: Path, alone: Taken) -> None:
    shop = delivered(tmp_path / "shop")
    for done in at_once(shop, [range_of(FIRST)] * 2):
        if done.code == BUSY:
            assert str(FIRST) in done.said
            assert "  → " in done.said
