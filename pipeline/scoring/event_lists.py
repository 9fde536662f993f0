"""Events as people hand them to a model: one row per user, and in each row the lists of that user's events.

    cutoff                 event_time                                          event_type         item_id       value
    2026-11-10T00:00:00Z   ["2026-11-08T10:30:00Z", "2026-11-09T08:00:00Z"]    ["view", "cart"]   ["i7", "i7"]  [None, 9.5]
    2026-11-10T00:00:00Z   []                                                  []                 []            []

No user is named: a row's answer depends on its own lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from features.contract import EARLIEST, EVENTS, LATEST
from features.cutoff import EPOCH, Cutoff
from pipeline.source.amounts import ten_thousandths

if TYPE_CHECKING:
    import pandas as pd

CUTOFF = "cutoff"
NEEDED = ("event_time", "event_type", "item_id", "category", "value")
OPTIONAL = ("available_at", "session_id")


def events_of(table: pd.DataFrame) -> pa.Table:
    """The events of n rows as rows of `EVENTS`; `user_id` is the row's position in twelve digits, so users come in the order of the rows.

    event_time, available_at  instants, see `instant`; without `available_at` an event was known when it happened
    event_type                text, never null; item_id, category, session_id: text, None or NaN where there is none
    value                     a number in the source's unit, None or NaN where there is none; stored in ten-thousandths, as ingest does

    A row's lists are all in one order, whichever: of events at one instant the one that comes first in the lists counts as the earlier.
    None instead of a list is an empty one. Raises KeyError naming the columns that are missing, and ValueError naming row, column and
    value for what cannot be read, and for lists of one row that differ in length.
    """
    if missing := [name for name in NEEDED if name not in table]:
        raise KeyError(f"The table lacks {', '.join(missing)}; a row has lists {', '.join(NEEDED)}, and may have {', '.join(OPTIONAL)}")
    given = [name for name in (*NEEDED, *OPTIONAL) if name in table]
    lists = {name: [_entries(name, row, cell) for row, cell in enumerate(table[name])] for name in given}
    _require_equal_lengths(lists)
    owner = [row for row, entries in enumerate(lists["event_time"]) for _ in entries]
    columns = {name: [_read(name, row, entry) for row, entries in enumerate(lists[name]) for entry in entries] for name in given}
    columns.setdefault("available_at", columns["event_time"])
    columns["user_id"] = [f"{row:012d}" for row in owner]
    columns["event_id"] = [f"{place:012d}" for place in range(len(owner))]  # which breaks ties in time
    columns["bucket"] = [0] * len(owner)
    nulls = [None] * len(owner)
    return pa.table([pa.array(columns.get(field.name, nulls), field.type) for field in EVENTS], schema=EVENTS)


def cutoffs_of(table: pd.DataFrame) -> list[Cutoff]:
    """The instant as of which each row is judged. Raises KeyError without `cutoff`, and ValueError naming row and value for no instant."""
    if CUTOFF not in table:
        raise KeyError(f"The table lacks {CUTOFF}, the instant as of which a row is judged")
    return [Cutoff(_read(CUTOFF, row, value)) for row, value in enumerate(table[CUTOFF])]


def instant(value: object) -> datetime:
    """In UTC, from whole microseconds since 1970-01-01T00:00Z, an ISO text with an offset, or a `datetime` with one.

    Raises ValueError for anything else, and for an instant that the contract excludes, as seconds read as microseconds are. A time
    without an offset would be another instant on another machine.
    """
    moment: object = value
    try:
        if isinstance(value, Integral) and not isinstance(value, bool):
            moment = EPOCH + timedelta(microseconds=int(value))
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        moment = None
    if isinstance(moment, datetime) and moment.tzinfo is not None and EARLIEST.instant <= moment < LATEST.instant:
        return moment.astimezone(UTC)
    raise ValueError(
        f"{value!r} is no instant from {EARLIEST} on and before {LATEST}; "
        "wanted: a text such as 2026-11-10T06:00:00Z, or microseconds since 1970 as a whole number"
    )


def text(value: object) -> str:
    """Itself. Raises ValueError for anything but text."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def ten_thousandths_of(value: object) -> int:
    """A number in the source's unit as the contract stores it. Raises ValueError for what is none, or does not fit 64 bits."""
    scaled = ten_thousandths(str(value), "1")
    if scaled is None:
        raise ValueError(f"{value!r} is no number of at most 64 bits in ten-thousandths")
    return scaled


READERS: Mapping[str, Callable[[object], Any]] = {
    CUTOFF: instant,
    "event_time": instant,
    "available_at": instant,
    "event_type": text,
    "item_id": text,
    "category": text,
    "session_id": text,
    "value": ten_thousandths_of,
}
NULLABLE = frozenset(name for name in READERS if name != CUTOFF and EVENTS.field(name).nullable)


def _read(name: str, row: int, entry: object) -> Any:
    if name in NULLABLE and _absent(entry):
        return None
    try:
        return READERS[name](entry)
    except ValueError as error:
        raise ValueError(f"Row {row}, {name}: {error}") from None


def _entries(name: str, row: int, cell: object) -> list[object]:
    if _absent(cell):
        return []
    if not isinstance(cell, (list, tuple, np.ndarray)):
        raise ValueError(f"Row {row}, {name}: {cell!r} is no list")
    return list(cell)


def _require_equal_lengths(lists: Mapping[str, Sequence[Sequence[object]]]) -> None:
    for name, rows in lists.items():
        for row, (entries, times) in enumerate(zip(rows, lists["event_time"], strict=True)):
            if len(entries) != len(times):
                raise ValueError(f"Row {row}: {name} has {len(entries)} entries, event_time has {len(times)}; each event has one in both")


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
