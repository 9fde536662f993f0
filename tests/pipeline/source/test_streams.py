from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pytest

from pipeline.config import Config
from pipeline.errors import SourceError, Unreachable
from pipeline.source.duckdb_source import open_duckdb
from pipeline.source.mapping import parse_columns
from pipeline.source.relation import Relation
from pipeline.source.session import open_session
from pipeline.source.spool import Spool
from pipeline.source.streams import Configured, Database, DatedFiles, UndatedFiles

Build = Callable[..., Config]
DAY = date(2026, 3, 29)
COLUMNS = {"user_id": "user", "event_time": "time", "event_type": "kind"}
HEADER = "user,time,kind\n"


def stream_of(config: Config) -> Configured:
    return Configured(config, config.source, parse_columns(config.source.columns))


def test_the_day_stands_in_the_name_wherever_it_is_asked_for(configured: Build, tmp_path: Path) -> None:
    (tmp_path / str(DAY)).mkdir()
    (tmp_path / str(DAY) / f"{DAY}.csv").write_text(HEADER)
    found = DatedFiles(stream_of(configured(files="{date}/{date}.csv")))
    assert found.places(DAY) == [str(tmp_path / str(DAY) / f"{DAY}.csv")]
    assert found.places(date(2026, 3, 30)) == []


def test_a_day_may_be_several_files(configured: Build, tmp_path: Path) -> None:
    for part in ("b", "a"):
        (tmp_path / f"{DAY}-{part}.csv").write_text(HEADER + f"{part},2026-03-29,view\n")
    stream = DatedFiles(stream_of(configured(files="{date}-*.csv", columns=COLUMNS, settle_seconds=0)))
    found = [[row["c0"] for chunk in rows.chunks for row in chunk.to_pylist()] for rows in stream.rows(DAY)]
    assert found == [["a"], ["b"]]
    assert list(stream.undated()) == []


def test_a_place_is_named_as_it_is_configured_even_through_a_link(configured: Build, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / f"{DAY}.csv").write_text(HEADER + "a,2026-03-29,view\n")
    (tmp_path / "events").symlink_to(tmp_path / "elsewhere")
    stream = DatedFiles(stream_of(configured(files="events/{date}.csv", columns=COLUMNS, settle_seconds=0)))
    assert [rows.place for rows in stream.rows(DAY) if list(rows.chunks)] == [f"events/{DAY}.csv"]


def test_a_url_stays_as_written(configured: Build) -> None:
    assert stream_of(configured(files="s3://bucket/{date}.csv")).url("2026-03-29") == "s3://bucket/2026-03-29.csv"


def test_files_that_are_damaged_are_read_anew_the_next_time(configured: Build, tmp_path: Path) -> None:
    config = configured(files="*.csv", day_by="event_time", columns=COLUMNS, settle_seconds=0)
    (tmp_path / "a.csv").write_text(HEADER + "a,2026-03-29,view\n")
    (tmp_path / "b.csv").write_text("")
    with open_session(tmp_path / "spill", "UTC") as session:
        stream = UndatedFiles(stream_of(config), Spool(session, "s"), stream_of(config).span(DAY, DAY))
        with pytest.raises(SourceError, match=r"b\.csv"):
            list(stream.rows(DAY))
        (tmp_path / "b.csv").write_text(HEADER + "b,2026-03-29,view\n")
        found = [row["c0"] for rows in stream.rows(DAY) for chunk in rows.chunks for row in chunk.to_pylist()]
    assert found == ["a", "b"]


@pytest.mark.parametrize(("kind", "opened"), [("TIMESTAMP", 4), ("VARCHAR", 2)])
def test_a_table_is_asked_each_day_or_read_once(kind: str, opened: int, configured: Build, tmp_path: Path) -> None:
    """The first connection is lost: what was put aside by then is not counted twice."""
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute(f"""CREATE TABLE events AS SELECT 'u' AS "user", CAST('2026-03-29 10:00:00' AS {kind}) AS "time", 'v' AS kind""")
    config = configured(table="events", columns=COLUMNS)
    connect = partial(open_duckdb, config.source, "events", tmp_path / "shop.duckdb", tmp_path / "attached")
    turns: list[int] = []

    @contextmanager
    def counted() -> Iterator[Relation]:
        with connect() as relation:
            turns.append(1)
            if len(turns) == 1:
                raise Unreachable("lost")
            yield relation

    with open_session(tmp_path / "spill", "Europe/Berlin") as session:
        stream = Database(stream_of(config), Spool(session, "s"), stream_of(config).span(DAY, DAY), counted)
        with pytest.raises(Unreachable):
            list(stream.rows(DAY))
        found = [
            sum(chunk.num_rows for rows in each for chunk in rows.chunks) for each in (stream.rows(DAY), stream.rows(date(2026, 3, 30)))
        ]
        assert list(stream.undated()) == []
    assert found == [1, 0]
    assert len(turns) == opened
