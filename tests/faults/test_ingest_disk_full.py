"""The disk fills up while a day is taken in: an error that says so, nothing half-committed, and a rerun once there is room (F38)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.raw_shop import FIRST, Shop, Taken, day, made, range_of, row
from tests.faults.small_disk import Disk, mounted

KIB = 1024
FULL = 30
ROWS = 12_000


def delivered(shop: Shop) -> None:
    """A small day, then one of more than a megabyte that does not compress, with rows to refuse and to drop."""
    shop.deliver(FIRST, [row(number) for number in range(200)])
    words = random.Random(7)
    good = [row(number, day(1), user=f"{words.getrandbits(800):0200x}", value=f"{number}.25") for number in range(ROWS)]
    bad = [row(number + ROWS, day(1), kind=f"{words.getrandbits(800):0200x}") for number in range(900)]
    shop.deliver(day(1), [*good, *bad, *good[:50]])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """What is in when there is room enough."""
    shop = made(tmp_path_factory.mktemp("alone") / "shop")
    delivered(shop)
    shop.ingest(FIRST, 2)
    return shop.taken()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", 24) as found:
        yield found


def settled(tmp_path: Path, *, lake: str = "lake", warehouse: str = "nightcast.duckdb") -> Shop:
    """The shop with its lake and warehouse at these places, and its first day in."""
    shop = made(tmp_path / "shop", more=f'[warehouse]\nurl = "duckdb:///{warehouse}"')
    path = shop.folder / "nightcast.toml"
    path.write_text(path.read_text().replace("[lake]\n", f"[lake]\nurl = {json.dumps(lake)}\n"))
    delivered(shop)
    shop.ingest()
    return shop


def one_error(said: str) -> None:
    assert said.count("error: ") == 1, said
    assert "full" in said
    assert "  → " in said, "no mend"


@pytest.mark.parametrize("left", [0, 40 * KIB, 800 * KIB])
def test_a_lake_without_room_keeps_what_it_has(tmp_path: Path, disk: Disk, alone: Taken, left: int) -> None:
    """Where it ends differs: with the refused rows, in the events, at the commit."""
    shop = settled(tmp_path, lake=str(disk.place / "lake"))
    before = shop.taken()
    disk.fill(left)
    one_error(shop.run(*range_of(day(1)), expect=FULL).said)
    assert shop.taken() == before
    disk.clear()
    shop.ingest(day(1))
    assert shop.taken() == alone


@pytest.mark.parametrize("step", ["pipeline.lake:Lake.put_part:before", "pipeline.lake:Lake.commit:before"])
def test_a_lake_that_fills_up_at_the_last_step_keeps_what_it_has(tmp_path: Path, disk: Disk, alone: Taken, step: str) -> None:
    """Up to there everything had room; the commit itself has none."""
    shop = settled(tmp_path, lake=str(disk.place / "lake"))
    before = shop.taken()
    done = shop.begin(*range_of(day(1)), deeds={step: partial(disk.fill, 0)}).ended()
    assert done.code == FULL, done.said
    one_error(done.said)
    assert shop.taken() == before
    disk.clear()
    shop.ingest(day(1))
    assert shop.taken() == alone


@pytest.mark.parametrize("left", [64 * KIB, 800 * KIB])
def test_a_temporary_folder_without_room_commits_nothing(tmp_path: Path, disk: Disk, alone: Taken, left: int) -> None:
    shop = settled(tmp_path)
    before = shop.taken()
    disk.fill(left)
    elsewhere = {"TMPDIR": str(disk.place)}
    one_error(shop.run(*range_of(day(1)), expect=FULL, environment=elsewhere).said)
    assert shop.taken() == before
    disk.clear()
    shop.run(*range_of(day(1)), environment=elsewhere)
    assert shop.taken() == alone
    assert list(disk.place.iterdir()) == [], "left in the temporary folder"


def test_a_warehouse_without_room_is_mended_by_a_later_run(tmp_path: Path, disk: Disk, alone: Taken) -> None:
    """The lake is what counts: the day is in, its copies follow."""
    shop = settled(tmp_path, warehouse=str(disk.place / "nightcast.duckdb"))
    before = shop.taken()
    disk.fill(16 * KIB)
    done = shop.run(*range_of(day(1)), expect=FULL)
    assert "Unreachable" not in done.said
    disk.clear()
    found = shop.taken()
    assert found.events in (before.events, alone.events)
    assert found.validated == before.validated
    shop.ingest(day(1))
    assert shop.taken() == alone
