"""What a committed day says of itself: kept in the footer of its file in the lake, so that it cannot part from the events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from uuid import uuid4

FOOTER_KEY = "nightcast.day"
STARTED = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class DayRecord:
    """One day as one run took it in; rows = accepted + quarantined + duplicates.

    run_id       of the run that committed it; sorts by time (`new_run_id`), and names the run's files of refused rows
    accepted     events of the day, readmitted ones included
    late         accepted events that happened before the day began
    readmitted   accepted events that came back from quarantine
    by_type      accepted events by event type
    repeated     dropped re-deliveries by event type; they add up to `duplicates`
    newest       the latest event time, in microseconds since 1970-01-01T00:00Z; None without events
    columns      columns of each stream with their types, as found
    """

    day: date
    run_id: str
    rows: int
    accepted: int
    quarantined: int
    duplicates: int
    late: int
    readmitted: int = 0
    by_type: Mapping[str, int] = field(default_factory=dict)
    repeated: Mapping[str, int] = field(default_factory=dict)
    newest: int | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it."""
        return json.dumps({**asdict(self), "day": self.day.isoformat()}, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> DayRecord:
        """The record that `to_json` wrote."""
        found = json.loads(text)
        return DayRecord(**{**found, "day": date.fromisoformat(found["day"])})


def new_run_id(started_at: datetime) -> str:
    """An id that no other run has, and that sorts by the time the run started: `20260105T021500123456Z-1f0c9a3e`."""
    return f"{started_at:{STARTED}}-{uuid4().hex[:8]}"


def started_at(run_id: str) -> datetime | None:
    """When the run started, tz-aware UTC; None for a name that `new_run_id` has not given."""
    try:
        return datetime.strptime(run_id.rpartition("-")[0], STARTED).replace(tzinfo=UTC)
    except ValueError:
        return None
