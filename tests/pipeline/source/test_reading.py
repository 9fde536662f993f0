from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError, SourceError
from pipeline.source import files
from pipeline.source.reading import open_source
from pipeline.source.rows import Rows
from tests.pipeline.source.taken import of_day, rows

Configured = Callable[..., Config]
DAY = date(2026, 3, 29)
COLUMNS = {"user_id": "user", "event_time": "time", "event_type": "kind"}
HEADER = "user,time,kind\n"


def test_a_day_without_a_file_brings_nothing(configured: Configured) -> None:
    assert of_day(configured(), DAY) == {}


def test_a_dated_file_is_the_day_whatever_its_rows_say(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").write_text(HEADER + "u1,2020-01-01,view\nu2,never,view\n")
    config = configured(columns=COLUMNS, settle_seconds=0)
    with open_source(config, tmp_path / "spill", DAY, DAY) as source:
        ((place, found),) = rows(source.deliveries(DAY)).items()
        assert rows(source.undated()) == {}
    assert place.endswith(f"{DAY}.csv")
    assert [(line, texts[0]) for line, _, _, texts in found] == [(2, "u1"), (3, "u2")]


def test_a_dated_file_with_only_a_header_is_a_delivery_without_rows(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").write_text(HEADER)
    assert list(of_day(configured(columns=COLUMNS, settle_seconds=0), DAY).values()) == [[]]


def test_an_expression_that_cannot_be_read_is_found_before_any_file(configured: Configured, tmp_path: Path) -> None:
    columns = {"user_id": "user ; drop", "event_time": "t", "event_type": "k"}
    with pytest.raises(ConfigError, match=r"source\.columns\.user_id"):
        of_day(configured(columns=columns), DAY)
    with pytest.raises(ConfigError, match=r"source\.streams\.web\.columns\.user_id"):
        of_day(configured(streams={"web": {"files": "{date}.csv", "columns": columns}}), DAY)


def test_some_streams_of_a_day_are_not_the_day(configured: Configured, tmp_path: Path) -> None:
    streams = {name: {"files": name + "/{date}.csv", "columns": COLUMNS} for name in ("web", "till", "app")}
    config = configured(streams=streams, settle_seconds=0)
    assert of_day(config, DAY) == {}
    for name in ("web", "app"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{DAY}.csv").write_text(HEADER + f"{name},2026-03-29,view\n")
    with pytest.raises(SourceError, match=r"2026-03-29: the streams till have no file, while web, app have one"):
        of_day(config, DAY)
    (tmp_path / "till").mkdir()
    (tmp_path / "till" / f"{DAY}.csv").write_text(HEADER)
    assert [place.partition(":")[0] for place in of_day(config, DAY)] == ["web", "till", "app"]


def test_undated_files_are_read_once_for_a_range(configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, days = date(2026, 1, 1), [date(2026, 1, 1) + timedelta(days=number) for number in range(200)]
    for part in range(3):
        lines = (f"u{number},{day} 12:00,view\n" for number, day in enumerate(days) if number % 3 == part)
        (tmp_path / f"events-{part}.csv").write_text(HEADER + "".join(lines) + f"lost{part},?,view\n")
    opened: list[str] = []
    really = files.open_file

    def noted(url: str, **rest: Any) -> AbstractContextManager[Rows]:
        opened.append(url)
        return really(url, **rest)

    monkeypatch.setattr(files, "open_file", noted)
    config = configured(files="events-*.csv", day_by="event_time", columns=COLUMNS, settle_seconds=0)
    with open_source(config, tmp_path / "spill", first, days[-1]) as source:
        users = [row[3][0] for day in days for found in rows(source.deliveries(day)).values() for row in found]
        undated = rows(source.undated())
    assert users == [f"u{number}" for number in range(200)]
    assert [row[3][0] for found in undated.values() for row in found] == ["lost0", "lost1", "lost2"]
    assert [Path(url).name for url in opened] == ["events-0.csv", "events-1.csv", "events-2.csv"]


def test_only_the_range_is_kept(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(HEADER + "u1,2026-03-29,view\nu2,2026-03-30,view\n")
    config = configured(files="all.csv", day_by="event_time", columns=COLUMNS, settle_seconds=0)
    with open_source(config, tmp_path / "spill", DAY, DAY) as source:
        assert len(rows(source.deliveries(DAY))) == 1
        assert rows(source.deliveries(date(2026, 3, 30))) == {}


def test_lines_at_fault_of_undated_files_belong_to_no_day(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(HEADER + "u1,2026-03-29,view\nu2,2026-03-29\nu3,2026-03-29,view\n")
    config = configured(files="all.csv", day_by="event_time", columns=COLUMNS, settle_seconds=0)
    with open_source(config, tmp_path / "spill", DAY, DAY) as source:
        (found,) = rows(source.deliveries(DAY)).values()
        ((line, fault, text, _),) = next(iter(rows(source.undated()).values()))
    assert [row[0] for row in found] == [2, 4]
    assert (line, text) == (3, "u2,2026-03-29")
    assert fault


@pytest.mark.parametrize("table", ["arrivals", "arrivals_as_text"])
def test_a_day_by_arrival_holds_what_is_known_at_its_end(table: str, configured: Configured, tmp_path: Path) -> None:
    """As much as a cutoff at the end of the day may use: the night that scores there and a later rebuild see the same."""
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute(
            """SET TimeZone = 'UTC';
            CREATE TABLE arrivals ("user" VARCHAR, "time" TIMESTAMP, kind VARCHAR, known TIMESTAMPTZ);
            INSERT INTO arrivals VALUES ('before', '2026-03-28', 'view', '2026-03-29 00:00:00+00'), ('first', '2026-03-28', 'view', '2026-03-29 00:00:00.000001+00'),
              ('end', '2026-03-28', 'view', '2026-03-30 00:00:00+00'), ('after', '2026-03-28', 'view', '2026-03-30 00:00:00.000001+00'), ('never', '2026-03-28', 'view', NULL);
            CREATE VIEW arrivals_as_text AS SELECT * REPLACE (known::VARCHAR AS known) FROM arrivals"""
        )
    columns = {**COLUMNS, "available_at": "known"}
    config = configured(table=table, url="duckdb:///shop.duckdb", day_by="available_at", columns=columns, time_zone="UTC")
    with open_source(config, tmp_path / "spill", DAY, DAY) as source:
        (found,) = rows(source.deliveries(DAY)).values()
        (undated,) = rows(source.undated()).values()
    assert [row[3][0] for row in found] == ["first", "end"]
    assert [row[3][0] for row in undated] == ["never"]


def test_a_file_that_is_not_there_is_named(configured: Configured) -> None:
    with pytest.raises(SourceError, match=r"no file .*all-\*\.csv"):
        of_day(configured(files="all-*.csv", day_by="event_time"), DAY)


def test_streams_of_every_kind_make_one_day(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / f"{DAY}.csv").write_text(HEADER + "web,2026-03-29,view\n")
    (tmp_path / "all.jsonl").write_text('{"user": "app", "time": "2026-03-29T10:00:00", "kind": "view"}\n')
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("""CREATE TABLE sales AS SELECT 'till' AS "user", TIMESTAMP '2026-03-29 12:00' AS "time", 'view' AS kind""")
    streams = {
        "web": {"files": "{date}.csv", "columns": COLUMNS},
        "app": {"files": "all.jsonl", "day_by": "event_time", "columns": COLUMNS},
        "till": {"table": "sales", "columns": COLUMNS},
        "asked": {"query": 'SELECT \'query\' AS "user", * EXCLUDE ("user") FROM sales', "columns": COLUMNS},
    }
    found = of_day(configured(streams=streams, url="duckdb:///shop.duckdb", settle_seconds=0), DAY)
    assert [(place.partition(": ")[0], row[3][0]) for place, each in found.items() for row in each] == [
        ("web", "web"),
        ("app", "app"),
        ("till", "till"),
        ("asked", "query"),
    ]
