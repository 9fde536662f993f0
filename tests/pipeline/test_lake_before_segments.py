"""Lakes that were begun before events had a segment go on: days come in, come again and come back, timelines and features are built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.contract import EVENTS
from features.cutoff import parse_cutoff
from pipeline import timelines
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.evaluation.groups import UNKNOWN, user_groups
from pipeline.ingestion.days import CommittedDays
from pipeline.lake import Lake
from pipeline.stages import build_features, ingest, quarantine
from pipeline.timeline_bucket import SCHEMA
from tests.features.literal import HOUR, event
from tests.pipeline.ingested import InProcess, configuration, ingest_batch, shop
from tests.pipeline.ingested import ingest as ingested
from tests.pipeline.lake_before_segments import forget_segments
from tests.properties.test_timelines_merge import refreshed

FIFTH, SIXTH, SEVENTH = (date(2026, 1, day) for day in (5, 6, 7))
COLUMNS = {"event_id": "id", "user_id": "user", "event_time": "time", "event_type": "kind"}


def shop_with_countries(root: Path, *types: str, **columns: str) -> Config:
    source = {"files": "{date}.csv", "settle_seconds": 0, "event_types": ["view", *types], "columns": {**COLUMNS, **columns}}
    target = {"kind": "occurs", "event_type": "view", "horizon_days": 7}
    return Config(root=root, source=source, targets={"t": target}, lake={"buckets": 1})


def deliver(root: Path, day: date, *lines: str) -> None:
    (root / f"{day}.csv").write_text("\n".join(["id,user,time,kind,country", *lines]) + "\n", encoding="utf-8")


def line(number: int, day: date, country: str, kind: str = "view") -> str:
    return f"e{number},u{number},{day} 10:00:00,{kind},{country}"


def segments(lake: Lake) -> dict[str, dict[str, Any]]:
    """Event → segment of each committed day, as the ingest reads it."""
    days = CommittedDays(lake)
    found = {str(day): days.events(day, day) for day in sorted(days.runs)}
    tables = {day: events.to_table(["event_id", "segment"]).to_pydict() for day, events in found.items() if events is not None}
    return {day: dict(zip(rows["event_id"], rows["segment"], strict=True)) for day, rows in tables.items()}


@pytest.fixture
def begun(tmp_path: Path) -> Lake:
    """Two days that were ingested before; of the sixth a click was refused."""
    config = shop_with_countries(tmp_path)
    deliver(tmp_path, FIFTH, line(1, FIFTH, "north"))
    deliver(tmp_path, SIXTH, line(2, SIXTH, "north"), line(3, SIXTH, "south", "click"))
    ingest.run(config, FIFTH, SIXTH, show=False)
    forget_segments(Lake(config.lake_url))
    return Lake(config.lake_url)


def test_days_come_in_come_again_and_come_back(begun: Lake, tmp_path: Path) -> None:
    config = shop_with_countries(tmp_path, "click", segment="country")
    assert "segment" not in pa.schema(begun.open("events").schema()).names  # type: ignore[union-attr]
    deliver(tmp_path, SEVENTH, line(2, SIXTH, "north"), line(4, SEVENTH, "south"))
    assert ingest.run(config, SEVENTH, SEVENTH, show=False)["duplicates"] == 1
    assert segments(begun) == {"2026-01-05": {"e1": None}, "2026-01-06": {"e2": None}, "2026-01-07": {"e4": "south"}}
    ingest.run(config, FIFTH, FIFTH, show=False)
    assert quarantine.readmit(config, SIXTH, None)["readmitted"] == 1
    assert segments(begun) == {"2026-01-05": {"e1": "north"}, "2026-01-06": {"e2": None, "e3": "south"}, "2026-01-07": {"e4": "south"}}
    assert pa.schema(begun.open("events").schema()).names == [*EVENTS.names, "day"]  # type: ignore[union-attr]


def test_two_days_that_come_in_at_once_both_count(begun: Lake) -> None:
    base = begun.version("events")
    for day in ("2026-01-08", "2026-01-09"):
        part = begun.write_part("events", {"day": day}, "part", EVENTS.empty_table())
        begun.commit("events", EVENTS, {"day": day}, [part], metadata={}, expected=base)
    assert len(begun.partitions("events")) == 4


def test_features_are_built_and_users_grouped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(config: Config) -> Iterator[InProcess]:
        yield InProcess()

    monkeypatch.setattr(build_features, "cluster", opened)
    config = configuration(tmp_path)
    lake, cutoff = ingested(config, shop()), parse_cutoff("2026-03-02", "UTC")
    build_features.run(config, [cutoff], training=False, show=False)
    forget_segments(lake)
    held = lake.version("timelines")
    assert build_features.run(config, [cutoff], training=False, show=False)["timelines_version"] == held
    ingest_batch(config, "2026-03-02", [event("u1", HOUR, event_id="new", segment="north")])
    result = build_features.run(config, [cutoff], training=False, show=False)
    assert (result["timelines_version"], result["users"]) == (1, 12)
    found: dict[str, str] = {}
    for bucket in range(config.lake.buckets):
        view = timelines.load(lake, bucket, config.source.event_types, 1).as_of(cutoff)
        grouped = user_groups(lake, bucket, 1, view, np.arange(view.users), cutoff, ["segment"], {})
        found |= dict(zip(view.user_ids, grouped["segment"], strict=True))
    assert found == {f"u{user}": "north" if user == 1 else UNKNOWN for user in range(12)}
    assert len(lake.read(configured_features(config).table, {"cutoff": cutoff.key})) == 12


def test_timelines_from_before_are_merged_and_equal_those_of_all_events(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stepwise, at_once = configuration(tmp_path / "a"), configuration(tmp_path / "b")
    rows, new = shop(days=20), [event("u1", HOUR, event_id="new", segment="north")]
    refreshed_lake = ingested(stepwise, rows)
    refreshed(stepwise)
    forget_segments(refreshed_lake)
    for config in (stepwise, at_once):
        if config is at_once:
            ingested(config, rows)
        ingest_batch(config, "2026-03-05", new)
    assert refreshed(stepwise) == refreshed(at_once)
    assert "rebuilt" not in caplog.text
    assert pa.schema(refreshed_lake.open("timelines").schema()).names == [*SCHEMA.names, "bucket"]  # type: ignore[union-attr]
