"""A writer of one day of a table, in this process or in one of several that commit at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa

from pipeline.errors import Busy
from pipeline.lake import Lake, Partition
from pipeline.lake_commit import Change

SCHEMA = pa.schema([pa.field("by", pa.string())])
_start: list[Any] = []
"""The barrier at which the processes of a pool wait for one another; nothing in the tests' own process."""


@dataclass(frozen=True)
class Order:
    """Who writes which day, made from which version."""

    url: str
    day: str
    by: str
    expected: int | None = None


def write(lake: Lake, day: str, by: str, *, replaces: Partition | None = None, expected: int | None = None) -> int:
    """One row, which says who wrote it; the version it became."""
    part = lake.write_part("t", {"day": day}, uuid4().hex, pa.table({"by": [by]}, SCHEMA))
    for barrier in _start:
        barrier.wait(timeout=60)
    return lake.commit("t", SCHEMA, {"day": day} if replaces is None else replaces, [part], metadata={}, expected=expected)


def commit(order: Order) -> tuple[str, int]:
    """(`committed`, version) or (`busy`, −1)."""
    try:
        return "committed", write(Lake(order.url), order.day, order.by, expected=order.expected)
    except Busy:
        return "busy", -1


def commit_pair(order: Order) -> str:
    """`committed` or `busy`: the order's day and one that all orders share, in one commit."""
    lake = Lake(order.url)
    parts = {day: lake.write_part("t", {"day": day}, uuid4().hex, pa.table({"by": [order.by]}, SCHEMA)) for day in (order.day, "shared")}
    for barrier in _start:
        barrier.wait(timeout=60)
    try:
        lake.commit_all("t", SCHEMA, [Change({"day": day}, [part], {}) for day, part in parts.items()])
    except Busy:
        return "busy"
    return "committed"


@contextmanager
def processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes; as many orders at a time commit at the same moment."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, mp_context=context, initializer=_wait_for, initargs=(context.Barrier(number),)) as pool:
        yield pool


def _wait_for(start: Any) -> None:
    _start.append(start)
