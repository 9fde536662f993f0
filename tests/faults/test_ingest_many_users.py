"""Ten million users with one event each, and one user with a million: one day, flat memory."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pytest

from tests.faults.raw_shop import FIRST, Shop, made, range_of
from tests.faults.warm import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

MOST_BYTES = 1_500_000_000
"""What one ingest may take at its peak."""


def peak_bytes(running: Running) -> int:
    """Wait for the command's end; the most memory it had."""
    peak = 0
    while running.process.is_alive():
        try:
            told = Path(f"/proc/{running.pid}/status").read_text()
        except OSError:
            break
        if "VmHWM:" in told:
            peak = max(peak, 1024 * int(told.split("VmHWM:", 1)[1].split()[0]))
        time.sleep(0.1)
    return peak


def taken_in(shop: Shop) -> int:
    running = shop.begin(*range_of(FIRST))
    peak = peak_bytes(running)
    done = running.ended()
    assert done.code == 0, done.said
    return peak


def written(shop: Shop, rows: int, user: str) -> None:
    path = shop.deliver(FIRST, "")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'e' || n AS id, {user} AS user, strftime(TIMESTAMP '{FIRST} 00:00:00' + n * INTERVAL 8 MILLISECOND, "
            f"'%Y-%m-%dT%H:%M:%S.%fZ') AS time, 'view' AS type, n % 100 AS value FROM range({rows}) AS t(n)) TO '{path}' (HEADER)"
        )


def test_ten_million_users_with_one_event(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    written(shop, 10_000_000, "'u' || n")
    peak = taken_in(shop)
    assert peak < MOST_BYTES
    (found,) = shop.rows("SELECT rows, accepted FROM validation_runs")
    assert found == {"rows": 10_000_000, "accepted": 10_000_000}


def test_one_user_with_a_million_events(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    written(shop, 1_000_000, "'whale'")
    peak = taken_in(shop)
    assert peak < MOST_BYTES
    (found,) = shop.rows("SELECT rows, accepted FROM validation_runs")
    assert found == {"rows": 1_000_000, "accepted": 1_000_000}
