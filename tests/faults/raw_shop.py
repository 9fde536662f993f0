"""A folder with raw events and a nightcast.toml, taken in by the command line; and what is in afterwards."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.warehouse import open_warehouse
from tests.faults.warm import Ended, Running, begin

FIRST = date(2026, 1, 5)
HEADER = "id,user,time,type,value"
COLUMNS = {"event_id": "id", "user_id": "user", "event_time": "time", "event_type": "type", "value": "value"}
VARYING = {"run_id", "report_url", "quarantined_at", "validated_at", "started_at", "finished_at", "lake_version", "delta_version"}
"""Columns that differ between two runs over the same rows."""
LAKE_FOLDERS = {"events", "refused", "readmitted", "timelines"}
TALLY = ("rows", "accepted", "quarantined", "duplicates", "late", "passed")


@dataclass(frozen=True)
class Taken:
    """What later stages and people see, without what differs between runs.

    events     digest of each day's rows in the lake, in their order
    refused    rows of quarantined_events by day
    validated  the row of validation_runs by day
    """

    events: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    validated: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shop:
    """The folder."""

    folder: Path
    _turns: Iterator[int] = field(default_factory=lambda: count(1), compare=False, repr=False)

    @property
    def config(self) -> Config:
        """Its configuration."""
        return load(self.folder / "nightcast.toml")

    @property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake(self.config.lake_url)

    def copy(self, folder: Path) -> Shop:
        """The same shop at another place."""
        shutil.copytree(self.folder, folder)
        return Shop(folder)

    def deliver(self, day: date, content: str | bytes | Sequence[str], suffix: str = ".csv") -> Path:
        """Write the day's file: the content as it is, or these rows below the header."""
        if not isinstance(content, str | bytes):
            content = "\n".join([HEADER, *content]) + "\n"
        path = self.folder / "events" / f"{day}{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def begin(
        self,
        *words: str,
        die_at: str = "",
        deeds: Mapping[str, Callable[[], object]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start `nightcast words…` over this shop, as `warm.begin` does."""
        said = self.folder / "said"
        said.mkdir(exist_ok=True)
        line = [*words, "--config", str(self.folder / "nightcast.toml"), "--json"]
        return begin(line, said / f"{next(self._turns)}", die_at=die_at, deeds=deeds, environment=environment)

    def run(self, *words: str, expect: int = 0, environment: Mapping[str, str] | None = None) -> Ended:
        """`nightcast words…` to its end; the exit code must be `expect`."""
        done = self.begin(*words, environment=environment).ended()
        assert done.code == expect, f"{words} ended with {done.code}:\n{done.said[-3000:]}"
        return done

    def ingest(self, first: date = FIRST, days: int = 1, *, expect: int = 0) -> Ended:
        """Take so many days in; the exit code must be `expect`."""
        return self.run(*range_of(first, days), expect=expect)

    def refuses(self, code: int, first: date = FIRST, days: int = 1) -> str:
        """What ingesting says while it changes nothing: one error, what to do, and this exit code."""
        before = self.taken()
        said = self.ingest(first, days, expect=code).said
        assert said.count("error: ") == 1
        assert "  → " in said, "no mend"
        assert self.taken().events == before.events
        return said

    def events(self, day: date | None = None) -> list[dict[str, Any]]:
        """Events in the lake, of one day or of all."""
        if not self.lake.partitions("events"):
            return []
        found: list[dict[str, Any]] = self.lake.read("events", {"day": day.isoformat()} if day else None).to_pylist()
        return found

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the warehouse."""
        with open_warehouse(self.config) as warehouse:
            found: list[dict[str, Any]] = warehouse.query(sql).to_pylist()
        return found

    def tally(self, day: date = FIRST) -> tuple[Any, ...]:
        """`TALLY` of the day in validation_runs; the rows refused are in quarantined_events, and nothing is lost."""
        (found,) = self.rows(f"SELECT * FROM validation_runs WHERE batch_date = DATE '{day}'")
        assert found["rows"] == found["accepted"] + found["quarantined"] + found["duplicates"]
        if found["passed"]:
            assert len(self.refused(day)) == found["quarantined"]
            assert len(self.events(day)) == found["accepted"]
        return tuple(found[name] for name in TALLY)

    def refused(self, day: date = FIRST) -> list[dict[str, Any]]:
        """The day's rows of quarantined_events, in order; each says why."""
        found = self.rows(f"SELECT * FROM quarantined_events WHERE batch_date = DATE '{day}' ORDER BY \"row\"")
        assert all(row["reason"] and row["rule"] and row["source_row"] for row in found)
        return found

    def taken(self) -> Taken:
        """What is in now."""
        lake = self.lake
        days = sorted(partition["day"] for partition in lake.partitions("events"))
        refused = self.rows('SELECT * FROM quarantined_events ORDER BY batch_date, "row"')
        return Taken(
            {day: _digest(lake.read("events", {"day": day}).to_pylist()) for day in days},
            _by_day([{**each, "place": each["place"].rpartition("/")[2]} for each in refused]),
            {day: rows[0] for day, rows in _by_day(self.rows("SELECT * FROM validation_runs ORDER BY batch_date")).items()},
        )


def made(folder: Path, *, source: Mapping[str, Any] | None = None, columns: Mapping[str, str] = COLUMNS, more: str = "") -> Shop:
    """An empty shop: daily CSV files with `HEADER` unless `source` and `columns` say otherwise; `more` is further TOML."""
    place = {} if source and {"table", "query"} & set(source) else {"files": "events/{date}.csv"}
    settings = {**place, "event_types": ["view", "purchase"], "settle_seconds": 0, **(source or {})}
    folder.mkdir(parents=True, exist_ok=True)
    text = ["[source]", *_lines(settings), *(["[source.columns]", *_lines(columns)] if columns else []), "[lake]", "buckets = 4"]
    target = ["[targets.purchase_7d]", 'kind = "occurs"', 'event_type = "purchase"', "horizon_days = 7"]
    (folder / "nightcast.toml").write_text("\n".join([*text, *target, more]) + "\n", encoding="utf-8")
    return Shop(folder)


def row(number: int, day: date = FIRST, *, user: str = "", kind: str = "view", value: str = "1.50") -> str:
    """A line of the day, at a time of its own: as it should be."""
    at = f"{day}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
    return f"{day:%d}-{number},{user or f'u{number % 97}'},{at},{kind},{value}"


def range_of(first: date, days: int = 1) -> list[str]:
    """The words that ingest so many days."""
    return ["ingest", "--from", first.isoformat(), "--to", (first + timedelta(days=days - 1)).isoformat()]


def day(number: int) -> date:
    """The day so many days after the first."""
    return FIRST + timedelta(days=number)


def _lines(settings: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in settings.items()]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return "'''" + value + "'''"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list | tuple) else str(value).lower()


def _digest(rows: Sequence[Mapping[str, Any]]) -> str:
    return f"{len(rows)} rows {hashlib.sha256(repr([sorted(row.items()) for row in rows]).encode()).hexdigest()[:16]}"


def _by_day(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in rows:
        found.setdefault(each["batch_date"].isoformat(), []).append({name: each[name] for name in each if name not in VARYING})
    return found
