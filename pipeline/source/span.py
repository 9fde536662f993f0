"""Which instants a day is made of, as a source keeps its times: exact instants, or the local clock's readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from features.cutoff import DAY_MICROS, EPOCH, local_midnight
from pipeline.config_source import DayBy
from pipeline.source.local_time import clock_changes


@dataclass(frozen=True)
class Span:
    """Microseconds since 1970-01-01, both ends included."""

    first: int
    last: int

    @property
    def texts(self) -> tuple[str, str]:
        """Both ends as `2026-03-29 00:00:00`, with six more digits where they are not whole seconds."""
        first, last = (EPOCH.replace(tzinfo=None) + timedelta(microseconds=micros) for micros in (self.first, self.last))
        return first.isoformat(sep=" "), last.isoformat(sep=" ")


READABLE = Span(-62_135_596_800_000_000, 253_402_300_799_999_999)
"""0001-01-01 to the end of 9999-12-31: a time outside has no four-digit year, and cannot be read."""


def span(first: date, last: date, day_by: DayBy, zone: str) -> Span:
    """The instants of the days `first` … `last` in `zone`.

    By event time a day has its own first instant, and not the next day's. By `available_at` it is the other way round: what is known
    at the very end of a day belongs to that day, because a cutoff there may use it, and a batch's own default is that instant.
    """
    begin, end = (local_midnight(day, zone).micros for day in (first, last + timedelta(days=1)))
    return Span(begin + 1, end) if day_by == "available_at" else Span(begin, end - 1)


def on_the_clock(instants: Span, zone: str) -> tuple[Span, bool]:
    """Readings of `zone`'s clock among which are all that mean an instant of the span, and whether no others are.

    Others are there near a clock change only: a reading minus its offset is its instant (`local_time.to_utc`), so the readings lie
    between the span's ends moved by the least and the greatest offset of those days.
    """
    starts, offsets = clock_changes(zone)
    around = np.searchsorted(starts, (instants.first - 2 * DAY_MICROS, instants.last + 2 * DAY_MICROS))
    near = offsets[around[0] : around[1] + 1]
    least, greatest = int(near.min()), int(near.max())
    return Span(instants.first + least, instants.last + greatest), least == greatest
