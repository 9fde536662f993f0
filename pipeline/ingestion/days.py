"""The days that are committed: which run of each counts, what it says of itself, and what later batches read of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import takewhile

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from features.contract import EVENTS
from pipeline.config_source import Validation
from pipeline.day_record import FOOTER_KEY, DayRecord
from pipeline.lake import Lake

TABLE = "events"


def partition(day: date) -> dict[str, str]:
    """The day's partition of `events`."""
    return {"day": day.isoformat()}


def side_file(kind: str, day: date, run_id: str) -> str:
    """Path in the lake of a run's `refused` or `readmitted` rows of a day; it counts only while `events` names that run."""
    return f"{kind}/day={day.isoformat()}/{run_id}.parquet"


class CommittedDays:
    """The table `events` at one version; `refresh` moves on to the current one.

    version  of the table; None before its first commit
    runs     the run that committed each day
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._records: dict[tuple[date, str], DayRecord | None] = {}
        self.refresh()

    def refresh(self) -> None:
        """See what other runs, and this one, have committed meanwhile."""
        # The version first: should a commit come in between, a commit that expects this version is refused, never the other way.
        self.version: int | None = self._lake.version(TABLE)
        self.runs: Mapping[date, str] = {date.fromisoformat(day): run for day, run in self._lake.names(TABLE).items()}

    def record(self, day: date) -> DayRecord | None:
        """What the day says of itself; None if it is not committed, or was by a release that kept no record."""
        if day not in self.runs:
            return None
        key = (day, self.runs[day])
        if key not in self._records:
            text = self._lake.footer(TABLE, partition(day)).get(FOOTER_KEY)
            self._records[key] = DayRecord.from_json(text) if text else None
        return self._records[key]

    def earlier(self, day: date) -> Iterator[DayRecord]:
        """Records of the days before `day`, newest first, each read when it is asked for."""
        found = (self.record(each) for each in sorted(self.runs, reverse=True) if each < day)
        return (record for record in found if record)

    def history(self, day: date, validation: Validation) -> list[DayRecord]:
        """Records of the days before `day` that the thresholds may look at, ascending."""
        # Twice as far as they look, because there are days without events.
        first = day - timedelta(days=2 * max(validation.present_within_days, 7 * validation.volume_weeks))
        return list(takewhile(lambda record: record.day >= first, self.earlier(day)))[::-1]

    def events(self, first: date, last: date) -> pads.Dataset | None:
        """The events of the days from `first` to `last`, both included; None if none of them is committed.

        A column that events did not have yet when a day was committed reads as null.
        """
        where = [partition(day) for day in sorted(self.runs) if first <= day <= last]
        if not where or self.version is None:
            return None
        return self._lake.scan(TABLE, version=self.version, where=where).replace_schema(EVENTS)

    def readmitted(self, day: date) -> pa.Table | None:
        """Events of the day that came back from quarantine (`batch.READMITTED`); None if there are none."""
        if day not in self.runs:
            return None
        found = self.side_file("readmitted", day)
        if found is None:
            return None
        with found:
            return found.read()

    def side_file(self, kind: str, day: date) -> pq.ParquetFile | None:
        """The `refused` or `readmitted` rows of the run that counts; None if it has none. Close it."""
        return self._lake.open_file(side_file(kind, day, self.runs[day]))
