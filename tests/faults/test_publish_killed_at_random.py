"""`nightcast publish` killed at any moment, night after night: readers see whole nights, and the same line mends it (F7, F10, F15)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import psycopg
import pytest

from features.cutoff import Cutoff
from tests.faults.laid_night import ABSENT, Scored, Seen, Shop, seen, shop_at
from tests.faults.warm import Running
from tests.synthetic_lake import AS_OF
from tests.warehouse.engines import ENGINES

KILLS, SHORT = 50, 4
KEPT_DAYS = 3
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, spread evenly however many are taken."""
TURNS = [pytest.param(turn, marks=[pytest.mark.slow] if turn >= SHORT else []) for turn in range(KILLS)]


@dataclass
class Nights:
    """A shop that publishes, what its readers see of each cutoff, and how long it took last: in all, and after its scores were checked."""

    shop: Shop
    seconds: float = 0.0
    rest: float = 0.0
    published: dict[Cutoff, Seen] = field(default_factory=dict)

    def publish(self, cutoff: Cutoff) -> str:
        """Undisturbed; the checksum read back."""
        began = time.time()
        checksum = self.shop.publish(cutoff)
        ended = time.time()
        self.seconds, self.rest = ended - began, ended - checked(self.shop)
        return checksum

    def next_to_publish(self, turn: int) -> Cutoff:
        """By turns the newest night again, with other scores, and the first night of the next day."""
        newest = max(self.published)
        return newest if turn % 2 else newest.plus_days(1)

    def forget_old(self) -> None:
        """What `warehouse.keep_days` drops once a night is published."""
        oldest = max(self.published).plus_days(-KEPT_DAYS)
        self.published = {cutoff: night for cutoff, night in self.published.items() if cutoff >= oldest}


@pytest.fixture(scope="module", params=ENGINES)
def nights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, scored_night: Scored) -> Nights:
    root = tmp_path_factory.mktemp(request.param)
    url = "duckdb:///night.duckdb"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS killed CASCADE; CREATE SCHEMA killed")
        url = f"{url}&options=-csearch_path%3Dkilled"
    shop = shop_at(root, url, scored_night, warehouse={"keep_days": KEPT_DAYS})
    found = Nights(shop)
    for version in ("1", "2"):
        found.published[AS_OF] = shop.lay(version)
        found.publish(AS_OF)
        assert shop.look() == found.published[AS_OF]
    return found


def checked(shop: Shop) -> float:
    """When the gate last wrote a page, in seconds since 1970: from then on the warehouse is written."""
    return max((page.stat().st_mtime for page in shop.config.root.glob("data_docs/**/*.html")), default=0.0)


def kill(nights: Nights, running: Running, turn: int) -> None:
    """One kill of three anywhere between start and end; the others fall into the short time in which the warehouse is written."""
    part, began = GOLDEN * (turn + 1) % 1.0, checked(nights.shop)
    if turn % 3:
        while running.process.is_alive() and checked(nights.shop) == began:
            time.sleep(0.002)
        time.sleep(1.1 * part * nights.rest)
    else:
        time.sleep(part * nights.seconds)
    running.kill()


@contextmanager
def reader_of(shop: Shop, cutoff: Cutoff, looks: list[Seen]) -> Iterator[None]:
    """Somebody looks at this night again and again; DuckDB's readers open the newest copy each time."""
    done = threading.Event()
    failed: list[Exception] = []

    def look() -> None:
        try:
            while not done.is_set():
                with shop.reader() as ask:
                    for _ in range(5):
                        looks.append(ask(seen(cutoff))[0])
                        done.wait(0.01)
        except (duckdb.Error, psycopg.Error, IndexError) as error:
            failed.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert not failed, failed


@pytest.mark.parametrize("turn", TURNS)
def test_a_publish_killed_at_a_random_moment(nights: Nights, turn: int) -> None:
    shop, cutoff = nights.shop, nights.next_to_publish(turn)
    old, new = nights.published.get(cutoff, ABSENT), shop.lay(str(turn + 3), cutoff)
    looks: list[Seen] = []
    with reader_of(shop, cutoff, looks):
        running = shop.begin_publish(cutoff)
        kill(nights, running, turn)
        ended = running.ended()
    assert ended.code in {-9, 0}, ended.said
    after = shop.in_the_file(cutoff)
    named = "new" if after == new else "old"
    print(f"kill {turn}: code {ended.code}, the {named} night, {len(looks)} looks")  # noqa: T201 – for who counts, and where it fails
    assert after in {old, new}
    assert set(looks) <= {old, new}
    if shop.duckdb is None or ended.code == 0:
        assert shop.look(cutoff) == after
    for other, night in nights.published.items():
        if other not in {cutoff, min(nights.published)}:
            assert shop.in_the_file(other) == night, "a night that nobody published or dropped"

    checksum = nights.publish(cutoff)
    nights.published[cutoff] = new
    nights.forget_old()
    for other, night in nights.published.items():
        assert shop.look(other) == night
    assert only(shop, list(nights.published))
    if turn % 10 == 0:
        assert shop.publish(cutoff) == checksum


def only(shop: Shop, cutoffs: list[Cutoff]) -> bool:
    """No other night is left in any table of nights, half or whole, nor a table of one in PostgreSQL."""
    found = set()
    with shop.reader() as ask:
        for table in ("user_scores", "refused_users", "score_runs"):
            found |= {row[0] for row in ask(f"SELECT DISTINCT cast(extract(epoch FROM cutoff) AS bigint) FROM {table}")}
        loose = [] if shop.duckdb else ask(LOOSE)
    leftovers = [path for path in shop.config.root.glob(".night*") if path.is_file()]
    return (found, loose, leftovers) == ({int(cutoff.instant.timestamp()) for cutoff in cutoffs}, [], [])


LOOSE = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND NOT relispartition
AND relname ~ '^(user_scores|refused_users) '
"""
