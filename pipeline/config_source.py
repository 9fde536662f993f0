"""`[source]` and `[validation]` of `nightcast.toml`: where raw events are, how they become events, and what a day must meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from pipeline.config_sections import Name, Section, Share

REQUIRED_COLUMNS = ("user_id", "event_time", "event_type")
EVENT_COLUMNS = (*REQUIRED_COLUMNS, "event_id", "available_at", "item_id", "category", "value", "session_id", "segment")
"""Columns of an event that a source can be mapped to."""

OWN_STREAM = "events"
"""Name of the one stream of a source without `[source.streams]`."""

DayBy = Literal["name", "event_time", "available_at"]


class Stream(Section):
    """One place of raw events: files (a local path or any fsspec URL), a table, or a query.

    files       with `{date}` where the batch's day stands; or without, `*` allowed, where the rows' own times say the day
    table       a table or view of `url` (the warehouse unless given), `schema.table` where it is not the default schema
    query       one SELECT against `url`
    columns     source column or expression for each event column (`pipeline.source.mapping`)
    key         event columns that identify an event beside its user; empty: `event_id` if it is mapped, else the whole row
    duplicates  `drop`: a row whose event is known already is a re-delivery; `keep`: identical rows are real
    day_by      the time that says which day a row belongs to; `name`: the date in the file's name
    """

    files: str = ""
    table: str = ""
    query: str = ""
    url: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    duplicates: Literal["drop", "keep"] = "drop"
    day_by: DayBy | None = None

    @field_validator("columns")
    @classmethod
    def _contract_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(columns) - set(EVENT_COLUMNS)):
            raise ValueError(f"has unknown event columns {', '.join(unknown)}; an event has {', '.join(EVENT_COLUMNS)}")
        if missing := [name for name in REQUIRED_COLUMNS if name not in columns]:
            raise ValueError(f"does not say where {', '.join(missing)} comes from")
        return columns

    @field_validator("key")
    @classmethod
    def _key_columns(cls, key: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(key) - set(EVENT_COLUMNS)):
            raise ValueError(f"names unknown event columns {', '.join(unknown)}; an event has {', '.join(EVENT_COLUMNS)}")
        return key

    @model_validator(mode="after")
    def _day_is_known(self) -> Stream:
        dated = "{date}" in self.files
        if self.day_by == "name" and not dated:
            raise ValueError('`day_by = "name"` needs `{date}` in `files`, such as events/{date}.csv.gz')
        if self.files and not dated and self.day_by is None:
            raise ValueError('`files` needs `{date}` where the day stands, such as events/{date}.csv.gz, or `day_by = "event_time"`')
        if self.day_by in ("event_time", "available_at") and dated:
            raise ValueError(f'`day_by = "{self.day_by}"` goes with files without `{{date}}`; their name says the day')
        if self.day_by == "available_at" and "available_at" not in self.columns:
            raise ValueError('`day_by = "available_at"` needs columns.available_at')
        return self

    @property
    def places(self) -> list[str]:
        """Which of files, table and query are given."""
        return [name for name in ("files", "table", "query") if getattr(self, name)]

    @property
    def day_column(self) -> DayBy:
        """What says the day: the name of dated files, else the event time unless configured."""
        return self.day_by or ("name" if "{date}" in self.files else "event_time")


class Source(Stream):
    """Where raw events are: one stream, given here, or several below `streams`; and what all of them share.

    time_zone        of naive times, and of days
    event_types      every event type there is
    redelivery_days  how many days before a batch are searched for events that it brings again
    drift            `refuse`: a batch whose source has other columns than the day before is refused; `accept`: it is taken in
    settle_seconds   a file younger than this is waited for, because it may still be written
    max_file_gib     the most that one file may unpack to
    """

    time_zone: str = "UTC"
    event_types: Annotated[tuple[Name, ...], Field(min_length=1)]
    redelivery_days: Annotated[int, Field(ge=0, le=365)] = 7
    drift: Literal["refuse", "accept"] = "refuse"
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0
    max_file_gib: Annotated[float, Field(gt=0)] = 64.0
    streams: dict[Name, Stream] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("is not an IANA time zone such as Europe/London")
        return zone

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if self.streams and (self.places or self.columns):
            raise ValueError("gives both its own place and `streams`; move the place into a stream of its own")
        for name, stream in self.each.items():
            where = f"streams.{name} " if self.streams else ""
            if len(stream.places) != 1:
                raise ValueError(f"{where}needs exactly one of `files`, `table` and `query`")
            if not stream.columns:
                raise ValueError(f"{where}needs `columns`: which column is which")
        return self

    @property
    def each(self) -> Mapping[str, Stream]:
        """Every stream by name, in the file's order."""
        return self.streams or {OWN_STREAM: self}

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of naive times, and of days."""
        return ZoneInfo(self.time_zone)


class Validation(Section):
    """Thresholds of the gate before a day is committed.

    volume_band              accepted rows, as least and most multiple of the median of the same weekday; not checked before
                             `volume_weeks` such days are there
    present_within_days      each target's event type occurs at least once in so many days, this one included; 0: not checked,
                             nor is it before as many days are there
    max_age_hours            the newest event is at most this much older than the end of the day; 0: not checked
    reports_url              address under which `data_docs` is served, for links; empty: files
    """

    min_rows: Annotated[int, Field(ge=1)] = 1
    max_quarantined_share: Share = 0.5
    max_null_share: dict[str, Share] = Field(default_factory=dict)
    future_tolerance_hours: Annotated[int, Field(ge=0)] = 24
    volume_band: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]] = (0.1, 10.0)
    volume_weeks: Annotated[int, Field(ge=1, le=52)] = 4
    present_within_days: Annotated[int, Field(ge=0, le=365)] = 28
    max_age_hours: Annotated[int, Field(ge=0)] = 48
    reports_url: str = ""

    @field_validator("volume_band")
    @classmethod
    def _ordered_band(cls, band: tuple[float, float]) -> tuple[float, float]:
        if band[0] > band[1]:
            raise ValueError("needs the least multiple first, such as [0.1, 10.0]")
        return band
