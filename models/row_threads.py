"""Rows shared out to threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

LEAST_ROWS = 1_024
"""Fewer rows are not worth another thread."""


def over_rows(work: Callable[[int, int], object], rows: int, threads: int) -> None:
    """Call `work(first, behind)` for ranges that are `rows` together, one per thread; threads 0: as many as there are cores.

    `work` lets other threads run while it computes, and each of its rows depends on that row alone. What it raises is raised here.
    """
    share = max(-(-rows // (threads or os.cpu_count() or 1)), LEAST_ROWS)
    firsts = range(0, rows, share)
    if len(firsts) <= 1:
        work(0, rows)
        return
    with ThreadPoolExecutor(len(firsts)) as pool:
        for done in [pool.submit(work, first, min(first + share, rows)) for first in firsts]:
            done.result()
