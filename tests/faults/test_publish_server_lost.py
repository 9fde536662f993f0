"""PostgreSQL crashes, or the connection breaks, in the middle of `nightcast publish`: an error that invites a retry, whole nights for
readers, and nothing doubled, even where nobody can know whether the COMMIT was done (F12, F13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.faults.laid_night import Scored, Shop, refused_in_words, shop_at
from tests.faults.own_server import COPIED, CUT, CUT_AFTER, HALF, ON, QUERIES, OwnServer, Wire, own_server
from tests.synthetic_lake import AS_OF

UNREACHABLE = 30


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as found:
        yield found


@pytest.fixture(scope="module")
def wire(server: OwnServer) -> Iterator[Wire]:
    found = Wire(server.url)
    yield found
    found.close()


@pytest.fixture(scope="module")
def shop(server: OwnServer, wire: Wire, scored_night: Scored, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with one night published; each test publishes the next one over it."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop")
    made = shop_at(tmp_path_factory.mktemp("shop") / "shop", wire.url("shop"), scored_night)
    made.lay("1")
    made.publish()
    return made


@pytest.fixture(autouse=True)
def mended_wire(wire: Wire) -> Iterator[None]:
    yield
    wire.hook = lambda _kind, _content: ON


@dataclass
class Once:
    """Does one thing to the first message of which `when` says so, and lets all others pass."""

    when: Callable[[bytes, bytes], bool]
    deed: str
    also: Callable[[], None] = lambda: None
    done: bool = False

    def __call__(self, kind: bytes, content: bytes) -> str:
        if self.done or not self.when(kind, content):
            return ON
        self.done = True
        self.also()
        return self.deed


def rows(kind: bytes, _content: bytes) -> bool:
    """The first rows of a night."""
    return kind == COPIED


def rows_of_the_second_table(kind: bytes, content: bytes) -> bool:
    """Users without a score, who come when those with one are in."""
    return kind == COPIED and b"nobody-" in content


def commit_of_the_night() -> Callable[[bytes, bytes], bool]:
    """The first COMMIT after rows were sent: there are others, such as that of an upgrade."""
    sent = False

    def when(kind: bytes, content: bytes) -> bool:
        nonlocal sent
        sent |= kind == COPIED
        return sent and kind in QUERIES and b"COMMIT" in content

    return when


CRASHES = {
    "a first night, before its rows": (rows, CUT, AS_OF.plus_days(1)),
    "half of the second table": (rows_of_the_second_table, HALF, AS_OF),
    "a first night, before its commit": (commit_of_the_night(), CUT, AS_OF.plus_days(2)),
}


@pytest.mark.parametrize("case", CRASHES)
def test_a_server_that_crashes_in_mid_publish_and_starts_again(server: OwnServer, wire: Wire, shop: Shop, case: str) -> None:
    when, deed, cutoff = CRASHES[case]
    before, new = shop.look(cutoff), shop.lay(case, cutoff)
    crash = wire.hook = Once(when, deed, also=server.stop_at_once)
    ended = shop.begin_publish(cutoff).ended()
    assert crash.done, ended.said
    server.start()
    refused_in_words(ended, [UNREACHABLE])
    assert shop.look(cutoff) == before
    shop.publish(cutoff)
    assert shop.look(cutoff) == new


@pytest.mark.parametrize(("deed", "committed"), [(CUT, False), (CUT_AFTER, True)])
def test_a_connection_that_breaks_during_the_commit(wire: Wire, shop: Shop, deed: str, committed: bool) -> None:
    """The command cannot know which of the two it was; the same line again is right after both."""
    before, new = shop.look(), shop.lay(deed)
    cut = wire.hook = Once(commit_of_the_night(), deed)
    ended = shop.begin_publish().ended()
    assert cut.done, ended.said
    refused_in_words(ended, [UNREACHABLE])
    assert shop.look() == (new if committed else before)
    checksum = shop.publish()
    assert shop.look() == new
    assert shop.publish() == checksum
