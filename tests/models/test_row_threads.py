from __future__ import annotations

import threading

import pytest

from models import row_threads
from models.row_threads import over_rows


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 100])
def test_every_row_is_worked_on_once(rows: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_threads, "LEAST_ROWS", 4)
    seen: list[int] = []
    lock = threading.Lock()

    def work(first: int, behind: int) -> None:
        with lock:
            seen.extend(range(first, behind))

    over_rows(work, rows, threads)
    assert sorted(seen) == list(range(rows))


def test_few_rows_stay_in_the_calling_thread() -> None:
    seen: list[tuple[int, int, threading.Thread]] = []
    over_rows(lambda first, behind: seen.append((first, behind, threading.current_thread())), 1000, 8)
    assert seen == [(0, 1000, threading.current_thread())]


def test_what_the_work_raises_is_raised() -> None:
    def work(first: int, behind: int) -> None:
        if first:
            raise KeyError(first)

    with pytest.raises(KeyError):
        over_rows(work, 10_000, 3)
