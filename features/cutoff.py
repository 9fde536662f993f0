"""The instant "as of": everything strictly before it may be known, nothing at or after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MICROS = 86_400_000_000
HOUR_MICROS = 3_600_000_000
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


@dataclass(frozen=True, order=True)
class Cutoff:
    """A tz-aware UTC instant.

    A day is 24 hours: windows and horizons are counted in multiples of 86,400 s from the instant, so a clock change inside
    a window neither stretches nor shortens it.
    """

    instant: datetime

    def __post_init__(self) -> None:
        if self.instant.utcoffset() != timedelta(0):
            raise ValueError(f"A cutoff is a UTC instant, got {self.instant!r}")

    @property
    def micros(self) -> int:
        """Microseconds since 1970-01-01T00:00Z, the unit of every time array."""
        return (self.instant - EPOCH) // timedelta(microseconds=1)

    @property
    def key(self) -> str:
        """Sortable name of the partition, such as `20111008T230000Z`."""
        return self.instant.strftime("%Y%m%dT%H%M%SZ")

    def plus_days(self, days: int) -> Cutoff:
        """The instant `days` × 24 h later (earlier when negative)."""
        return Cutoff(self.instant + timedelta(days=days))

    def local_date(self, zone: str) -> date:
        """The calendar day in `zone` that begins at, or contains, this instant."""
        return self.instant.astimezone(ZoneInfo(zone)).date()

    def __str__(self) -> str:
        return self.instant.isoformat().replace("+00:00", "Z")

    @classmethod
    def from_key(cls, key: str) -> Cutoff:
        """Inverse of `key`."""
        return cls(datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))


def local_midnight(day: date, zone: str) -> Cutoff:
    """The first instant of `day` in `zone`: everything up to and including the day before lies before it.

    Where a clock change removes midnight, the instant is the one that midnight's standard-time reading maps to (PEP 495, fold 0).
    """
    return Cutoff(datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC))


def local_name(cutoff: Cutoff, zone: str) -> str:
    """A cutoff as people write it: the day where it is a midnight in `zone`, else the whole instant. `parse_cutoff` reads it back."""
    day = cutoff.local_date(zone)
    return str(day) if local_midnight(day, zone) == cutoff else str(cutoff)


def parse_cutoff(text: str, zone: str) -> Cutoff:
    """`2026-11-10` is that day's midnight in `zone`; a full instant such as `2026-11-10T06:00Z` is taken as it is.

    Raises ValueError for anything else, and for an instant without an offset.
    """
    try:
        return local_midnight(date.fromisoformat(text), zone)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is neither a date such as 2026-11-10 nor an instant such as 2026-11-10T06:00Z") from None
    if instant.tzinfo is None:
        raise ValueError(f"'{text}' has no offset; write {text}Z for UTC, or only the date for midnight in {zone}")
    return Cutoff(instant.astimezone(UTC))
