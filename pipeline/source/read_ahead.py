"""One table made in a thread while the one before is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def ahead(tables: Iterator[pa.Table]) -> Iterator[Iterator[pa.Table]]:
    """The same tables in the same order, each begun when the one before is handed over; the thread ends with the block.

    An error of `tables` is raised where its table would have come.
    """
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        yield _following(thread, tables)


def _following(thread: ThreadPoolExecutor, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    following = thread.submit(next, tables, None)
    while (table := following.result()) is not None:
        following = thread.submit(next, tables, None)
        yield table
