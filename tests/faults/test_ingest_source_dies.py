"""A source that dies half-way, or changes while it is read: nothing of its day is committed, and the next run mends it."""

from __future__ import annotations

import gzip
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.faults.open_file import paused_while_reading
from tests.faults.raw_shop import FIRST, HEADER, Shop, day, made, range_of, row

MANY = 100_000


def content(lines: list[str]) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


@pytest.mark.parametrize("kept", [0.5, -1], ids=["half", "all but the checksum"])
def test_a_gz_that_is_cut_off_costs_its_day_alone(tmp_path: Path, kept: float) -> None:
    shop = made(tmp_path / "shop", source={"files": "events/{date}.csv.gz"})
    whole = {number: gzip.compress(content([row(each, day(number)) for each in range(5_000)])) for number in range(2)}
    shop.deliver(FIRST, whole[0], ".csv.gz")
    shop.deliver(day(1), whole[1][: -1 if kept < 0 else int(len(whole[1]) * kept)], ".csv.gz")
    said = shop.ingest(FIRST, 2, expect=11).said
    assert f"{day(1)}.csv.gz" in said
    assert sorted(shop.taken().events) == [str(FIRST)]
    assert shop.tally() == (5_000, 5_000, 0, 0, 0, True)
    shop.deliver(day(1), whole[1], ".csv.gz")
    shop.ingest(FIRST, 2)
    assert shop.tally(day(1)) == (5_000, 5_000, 0, 0, 0, True)


@pytest.fixture(scope="module")
def many() -> bytes:
    """A day that takes a while to read."""
    return content([row(number, user=f"user-{number % 5_000:0240d}") for number in range(MANY)])


def appended(path: Path, _: bytes) -> None:
    with path.open("ab") as file:
        file.write(row(MANY).encode() + b"\n")


def cut_off(path: Path, whole: bytes) -> None:
    with path.open("r+b") as file:
        file.truncate(len(whole) // 2)


def written_over(path: Path, whole: bytes) -> None:
    with path.open("r+b") as file:
        file.write(whole.replace(b"view", b"VIEW"))


@pytest.mark.parametrize("change", [appended, cut_off, written_over])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, many: bytes, change: Callable[[Path, bytes], None]) -> None:
    shop = made(tmp_path / "shop")
    path = shop.deliver(FIRST, many)
    running = shop.begin(*range_of(FIRST))
    with paused_while_reading(running.pid, path):
        change(path, many)
    done = running.ended()
    assert done.code == 11, done.said
    assert path.name in done.said
    assert shop.taken().events == {}
    shop.deliver(FIRST, [row(number) for number in range(1_000)])
    shop.ingest()
    assert shop.tally() == (1_000, 1_000, 0, 0, 0, True)


def test_a_file_replaced_while_it_is_read_is_one_or_the_other(tmp_path: Path, many: bytes) -> None:
    """A rename over it: the old file whole, or refused; never a mixture."""
    shop = made(tmp_path / "shop")
    path = shop.deliver(FIRST, many)
    new = path.with_suffix(".new")
    new.write_bytes(content([row(number, value="7") for number in range(1_000)]))
    running = shop.begin(*range_of(FIRST))
    with paused_while_reading(running.pid, path):
        new.replace(path)
    done = running.ended()
    assert done.code in {0, 11}, done.said
    assert shop.tally() == (MANY, MANY, 0, 0, 0, True) if done.code == 0 else shop.taken().events == {}
    shop.ingest()
    assert shop.tally() == (1_000, 1_000, 0, 0, 0, True)


def test_a_file_that_is_still_written_is_waited_for_or_refused(tmp_path: Path) -> None:
    """A slow writer (F37): its day is in whole, or not at all."""
    shop = made(tmp_path / "shop", source={"settle_seconds": 1.0})
    path = shop.deliver(FIRST, [row(0)])

    def write() -> None:
        with path.open("a", encoding="utf-8") as file:
            for number in range(1, 30):
                file.write(row(number) + "\n")
                file.flush()
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    done = shop.begin(*range_of(FIRST)).ended()
    writer.join()
    assert done.code in {0, 11}, done.said
    if done.code:
        assert shop.taken().events == {}
    shop.ingest()
    assert shop.tally() == (30, 30, 0, 0, 0, True)


@pytest.fixture
def table(postgresql: str, tmp_path: Path) -> Shop:
    """Two days in a table of a real server; the second takes a while to read."""
    name = f"raw_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f'CREATE TABLE {name} (id TEXT, "user" TEXT, time TIMESTAMPTZ, type TEXT, value NUMERIC)')
        connection.execute(
            f"INSERT INTO {name} SELECT 'e' || n, 'u' || n % 5000 || repeat('x', 200), "
            f"'{FIRST} 10:00Z'::timestamptz + (n >= 1000)::int * interval '1 day', 'view', 1.5 FROM generate_series(0, {MANY + 999}) AS n"
        )
    return made(tmp_path / "shop", source={"table": name, "url": postgresql})


def test_a_server_that_ends_the_session_half_way(table: Shop, postgresql: str) -> None:
    table.ingest()
    before = table.taken()
    running = table.begin(*range_of(day(1)))
    ended = 0
    with psycopg.connect(postgresql, autocommit=True) as connection:
        while running.process.is_alive() and not ended:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' "
                "AND query ILIKE %s AND state <> 'idle' AND now() - query_start > interval '30 ms'",
                [f"%{table.config.source.table}%"],
            ).fetchall()
            ended = len(rows)
    done = running.ended()
    assert ended, "the query was over before it could be ended"
    assert done.code in {11, 30}, done.said
    assert done.said.count("error: ") == 1
    assert table.taken() == before
    table.ingest(day(1))
    assert table.tally(day(1)) == (MANY, MANY, 0, 0, 0, True)
    assert table.tally() == (1_000, 1_000, 0, 0, 0, True)


def test_a_server_that_is_not_there_commits_nothing_and_names_no_password(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop", source={"table": "raw_events", "url": "postgresql://reader:hunter2@127.0.0.1:1/shop"})
    said = shop.refuses(30)
    assert "127.0.0.1" in said
    assert "hunter2" not in said
