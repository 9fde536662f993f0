"""Naive local times as UTC instants, by the time zone database's rules, for whole arrays at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cutoff import DAY_MICROS, EPOCH

Micros = npt.NDArray[np.int64]

SECOND_MICROS = 1_000_000
LAST_YEAR = 2100
"""No clock change after this year is known; later times use its last offset."""


def to_utc(zone: str) -> Callable[[pa.Array], pa.Array]:
    """A function from naive local times to instants, both int64 microseconds since 1970-01-01; nulls stay null.

    A time that the clock shows twice (autumn) is its first occurrence; a time that it skips (spring) is read by the offset in
    force before the change, which moves it forward by the gap: fold 0 of PEP 495, the same as `features.cutoff.local_midnight`.
    Times before 1970 use the offset of 1970.
    """
    starts, offsets = clock_changes(zone)

    def convert(local: pa.Array) -> pa.Array:
        ends = pc.min_max(local)
        first, last = (np.searchsorted(starts, ends[end].as_py() or 0, side="right") for end in ("min", "max"))
        if first == last:  # nearly always: no clock change lies between them
            return pc.subtract(local, int(offsets[first]))
        micros = local.fill_null(0).to_numpy(zero_copy_only=False)
        instants = micros - offsets[np.searchsorted(starts, micros, side="right")]
        return pa.array(instants, mask=local.is_null().to_numpy(zero_copy_only=False))

    return convert


@lru_cache(maxsize=8)
def clock_changes(zone: str) -> tuple[Micros, Micros]:
    """(K,) naive local times from which the next offset holds, and the (K + 1,) offsets from UTC, all in microseconds.

    With fold 0 an old offset reaches to the end of the gap or of the repeated hour, so a change at UTC instant t from offset a
    to b starts, in local time, at t + max(a, b).
    """
    clock = ZoneInfo(zone)
    starts, offsets = [], [_offset(clock, 0)]
    for day in range((datetime(LAST_YEAR, 1, 1, tzinfo=UTC) - EPOCH).days):
        before, after = offsets[-1], _offset(clock, (day + 1) * DAY_MICROS)
        if before != after:
            starts.append(_change(clock, day * DAY_MICROS, before) + max(before, after))
            offsets.append(after)
    return np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _change(clock: ZoneInfo, begin: int, before: int) -> int:
    """The second within a day of `begin` at which the offset stops being `before`, by halving."""
    low, high = 0, DAY_MICROS // SECOND_MICROS
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(clock, begin + middle * SECOND_MICROS) == before:
            low = middle
        else:
            high = middle
    return begin + high * SECOND_MICROS


def _offset(clock: ZoneInfo, micros: int) -> int:
    offset = (EPOCH + timedelta(microseconds=micros)).astimezone(clock).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)
