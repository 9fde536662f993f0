from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from features.contract import EVENTS
from pipeline import profiles
from pipeline.config import Config, load
from pipeline.day_record import FOOTER_KEY, DayRecord
from pipeline.errors import ConfigError, NoEvents, SourceError, ValidationFailed
from pipeline.ingestion import intake
from pipeline.ingestion.copies import UNDATED
from pipeline.lake import Lake
from pipeline.stages import ingest

RETAIL = Path(__file__).parents[4] / "shared/data/online-retail"
HEADER = "user,time,kind,item,value"
COLUMNS = {"user_id": "user", "event_time": "time", "event_type": "kind", "item_id": "item", "value": "value"}


Shop = Callable[..., Config]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A configuration in the test's folder; keywords change `source` and `validation`."""

    def build(*, validation: dict[str, Any] | None = None, **source: Any) -> Config:
        place = {} if "table" in source else {"files": "{date}.csv"}
        settings = {"event_types": ["view", "purchase"], "columns": COLUMNS, "settle_seconds": 0, **place, **source}
        target = {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}
        return Config(root=tmp_path, source=settings, targets={"t": target}, validation=validation or {}, lake={"buckets": 4})

    return build


def deliver(config: Config, day: int, *lines: str) -> date:
    found = date(2026, 1, day)
    (config.root / f"{found}.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return found


def line(day: int, user: str = "u1", *, kind: str = "view", hour: int = 10) -> str:
    return f"{user},2026-01-{day:02d} {hour}:00:00,{kind},apple,2.50"


def events(config: Config) -> pl.DataFrame:
    return pl.DataFrame(Lake(config.lake_url).read("events"))


def warehouse(config: Config, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(config.root / "nightcast.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


RUNS = "SELECT batch_date, rows, accepted, quarantined, duplicates, late, passed FROM validation_runs ORDER BY batch_date"


def test_a_day_reaches_the_lake_and_the_warehouse(shop: Shop) -> None:
    config = shop()
    day = deliver(config, 5, line(5), line(4, "u2"), line(5), line(5, kind="click"), "broken")
    result = ingest.run(config, day, day, show=False)
    page = config.root / "data_docs/validations/events/2026-01-05/gate/report.html"
    counts = {"rows": 5, "accepted": 2, "quarantined": 2, "duplicates": 1, "late": 1, "readmitted": 0}
    (run_id,) = Lake(config.lake_url).names("events").values()
    expected = {"run_id": run_id, "days": 1, "skipped_days": 0, **counts, "report_url": page.as_uri(), "lake_version": 0}
    assert result == expected
    assert page.is_file()
    assert sorted(events(config).select("user_id", "value", "day").rows()) == [("u1", 25_000, "2026-01-05"), ("u2", 25_000, "2026-01-05")]
    assert warehouse(config, RUNS) == [(day, 5, 2, 2, 1, 1, True)]
    refused = warehouse(config, "SELECT batch_date, row, rule, source_row::JSON->>'kind' FROM quarantined_events ORDER BY row")
    assert refused == [(day, 5, "event_type_unknown", "click"), (day, 6, "line", None)]


def test_the_day_says_what_it_holds(shop: Shop) -> None:
    config = shop()
    day = deliver(config, 5, line(5), line(5), line(4, "u2"), "broken")
    result = ingest.run(config, day, day, show=False)
    lake = Lake(config.lake_url)
    record = DayRecord.from_json(lake.footer("events", {"day": "2026-01-05"})[FOOTER_KEY])
    assert (record.day, record.run_id) == (day, result["run_id"])
    assert (record.rows, record.accepted, record.quarantined, record.duplicates, record.late) == (4, 2, 1, 1, 1)
    assert (record.by_type, record.repeated) == ({"view": 2}, {"view": 1})
    assert record.columns == {"events": dict.fromkeys(HEADER.split(","), "text")}
    assert lake.list_files("refused") == [f"refused/day=2026-01-05/{record.run_id}.parquet"]
    assert lake.read("events").drop_columns(["day"]).schema.equals(EVENTS)


def test_a_range_skips_days_without_a_file_and_counts_them(shop: Shop) -> None:
    config = shop()
    deliver(config, 5, line(5))
    deliver(config, 7, line(7), line(7, "u2"))
    result = ingest.run(config, date(2026, 1, 4), date(2026, 1, 8), show=False)
    assert (result["days"], result["skipped_days"], result["rows"], result["lake_version"]) == (2, 3, 3, 1)
    assert Lake(config.lake_url).partitions("events") == [{"day": "2026-01-05"}, {"day": "2026-01-07"}]


@pytest.mark.parametrize("last", [5, 8])
def test_no_events_at_all_is_an_error(last: int, shop: Shop) -> None:
    config = shop()
    with pytest.raises(NoEvents, match="no events for 2026-01-05"):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, last), show=False)
    assert not Path(config.lake_url).exists()


def test_a_range_that_ends_before_it_begins_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="ends on 2026-01-04, before it begins on 2026-01-05"):
        ingest.run(shop(), date(2026, 1, 5), date(2026, 1, 4), show=False)


def test_a_second_run_replaces_the_day(shop: Shop) -> None:
    config = shop()
    day = deliver(config, 5, line(5), line(5, "u2"), line(5, kind="click"), line(5, kind="click"))
    ingest.run(config, day, day, show=False)
    before = events(config)
    ingest.run(config, day, day, show=False)
    assert events(config).equals(before)
    deliver(config, 5, line(5, "u9"), line(5, "u8"), line(5, kind="click"))
    ingest.run(config, day, day, show=False)
    assert sorted(events(config)["user_id"]) == ["u8", "u9"]
    assert warehouse(config, RUNS) == [(day, 3, 2, 1, 0, 0, True)]
    assert warehouse(config, "SELECT count(*) FROM quarantined_events") == [(1,)]


def test_a_day_alone_and_a_day_of_a_range_give_the_same_events(shop: Shop, tmp_path: Path) -> None:
    whole = shop(validation={"max_age_hours": 0})
    deliver(whole, 5, line(5), line(5, "u2"))
    deliver(whole, 6, line(5), line(6))
    deliver(whole, 14, line(5), line(6))
    apart = whole.model_copy(update={"root": tmp_path / "apart"})
    apart.root.mkdir()
    for day in (5, 6, 14):
        (apart.root / f"2026-01-{day:02d}.csv").write_bytes((tmp_path / f"2026-01-{day:02d}.csv").read_bytes())
        ingest.run(apart, date(2026, 1, day), date(2026, 1, day), show=False)
    ingest.run(whole, date(2026, 1, 1), date(2026, 1, 14), show=False)
    assert events(apart).sort("day", "event_id").equals(events(whole).sort("day", "event_id"))


def test_an_event_delivered_again_within_a_week_counts_once(shop: Shop) -> None:
    config = shop()
    for day in (5, 12, 20):
        deliver(config, day, line(5), line(day, f"new{day}"))
    result = ingest.run(config, date(2026, 1, 5), date(2026, 1, 20), show=False)
    assert (result["accepted"], result["duplicates"]) == (5, 1)
    deliver(config, 13, line(5), line(13))  # the 5th is eight days back, and the 12th dropped it
    assert ingest.run(config, date(2026, 1, 13), date(2026, 1, 13), show=False)["duplicates"] == 0


def test_identical_rows_stay_where_they_are_real(shop: Shop) -> None:
    config = shop(duplicates="keep")
    for day in (5, 6):
        deliver(config, day, line(5), line(5))
    result = ingest.run(config, date(2026, 1, 5), date(2026, 1, 6), show=False)
    assert (result["accepted"], result["duplicates"]) == (4, 0)


def test_a_refused_day_commits_nothing_and_keeps_the_days_before(shop: Shop) -> None:
    config = shop(validation={"max_quarantined_share": 0.4})
    deliver(config, 5, line(5))
    deliver(config, 6, line(6), line(6, kind="click"))
    deliver(config, 7, line(7))
    with pytest.raises(ValidationFailed) as found:
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 7), show=False)
    assert "2026-01-06 did not pass validation (rows 2, accepted 1, quarantined 1, duplicates 0, late 0)" in str(found.value)
    assert "at most 40% of the rows quarantined (validation.max_quarantined_share): observed 50.00% of the rows" in str(found.value)
    assert "2026-01-06/gate/report.html" in found.value.mend
    assert found.value.exit_code == 12
    assert Lake(config.lake_url).partitions("events") == [{"day": "2026-01-05"}]
    runs = warehouse(config, RUNS)
    assert [(str(run[0]), run[-1]) for run in runs] == [("2026-01-05", True), ("2026-01-06", False)]
    assert warehouse(config, "SELECT batch_date, rule FROM quarantined_events") == [(date(2026, 1, 6), "event_type_unknown")]


def test_a_file_that_cannot_be_read_stops_the_range_and_keeps_the_days_before(shop: Shop) -> None:
    config = shop()
    deliver(config, 5, line(5))
    (config.root / "2026-01-06.csv").write_text("customer,time,kind,item,value\n")
    with pytest.raises(SourceError, match=r"2026-01-06\.csv has other columns .*: new: customer \(text\); missing: user \(text\)"):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 7), show=False)
    assert Lake(config.lake_url).partitions("events") == [{"day": "2026-01-05"}]
    assert len(warehouse(config, RUNS)) == 1


def test_the_warehouse_may_also_be_the_source_and_rows_without_a_day_are_shown(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    config = shop(table="raw_events")
    database = str(config.root / "nightcast.duckdb")
    with duckdb.connect(database) as connection:
        connection.execute(
            "CREATE TABLE raw_events AS SELECT 'u' || x AS user, TIMESTAMP '2026-01-05 10:00:00' AS time, 'view' AS kind, 'a' AS item, x AS value "
            "FROM range(3) AS t(x)"
        )
        connection.execute("INSERT INTO raw_events VALUES ('lost', NULL, 'view', 'a', 1)")
    result = ingest.run(config, date(2026, 1, 5), date(2026, 1, 6), show=False)
    assert (result["accepted"], result["quarantined"], result["skipped_days"]) == (3, 0, 1)
    assert "1 rows belong to no day; they are in quarantined_events under 1970-01-01" in caplog.text
    assert warehouse(config, RUNS) == [(UNDATED, 1, 0, 1, 0, 0, False), (date(2026, 1, 5), 3, 3, 0, 0, 0, True)]
    refused = "SELECT batch_date, rule, source_row::JSON->>'user' FROM quarantined_events"
    assert warehouse(config, refused) == [(UNDATED, "event_time_missing", "lost")]
    assert warehouse(config, "SELECT count(*) FROM raw_events") == [(4,)]
    with duckdb.connect(database) as connection:
        connection.execute("UPDATE raw_events SET time = TIMESTAMP '2026-01-06 10:00:00' WHERE time IS NULL")
    ingest.run(config, date(2026, 1, 6), date(2026, 1, 6), show=False)
    assert [row[0].day for row in warehouse(config, RUNS)] == [5, 6]
    assert warehouse(config, refused) == []


def test_rows_without_a_day_are_shown_even_if_there_is_nothing_else(shop: Shop) -> None:
    config = shop(table="raw_events")
    with duckdb.connect(str(config.root / "nightcast.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE raw_events AS SELECT 'u' AS user, NULL::TIMESTAMP AS time, 'view' AS kind, 'a' AS item, 1 AS value"
        )
    with pytest.raises(NoEvents, match="table raw_events"):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 5), show=False)
    assert warehouse(config, RUNS) == [(UNDATED, 1, 0, 1, 0, 0, False)]


def test_a_source_that_drifts_is_refused_until_it_is_accepted(shop: Shop) -> None:
    config = shop()
    deliver(config, 5, line(5))
    (config.root / "2026-01-06.csv").write_text(f"{HEADER},coupon\n{line(6)},X\n")
    (config.root / "2026-01-07.csv").write_text(f"{HEADER},coupon\n{line(7)},X\n")
    with pytest.raises(SourceError, match=r"2026-01-06\.csv has other columns than the source had on 2026-01-05: new: coupon \(text\)"):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 7), show=False)
    assert Lake(config.lake_url).partitions("events") == [{"day": "2026-01-05"}]
    ingest.run(shop(drift="accept"), date(2026, 1, 6), date(2026, 1, 6), show=False)
    assert ingest.run(config, date(2026, 1, 7), date(2026, 1, 7), show=False)["days"] == 1
    assert ingest.run(config, date(2026, 1, 5), date(2026, 1, 5), show=False)["days"] == 1  # compared with days before it alone


def test_a_run_that_dies_before_its_copies_is_mended_by_the_next_whatever_its_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    config = shop()
    deliver(config, 5, line(5), "broken")
    deliver(config, 6, line(6))
    monkeypatch.setattr(intake, "mend_copies", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 5), show=False)
    monkeypatch.undo()
    assert warehouse(config, RUNS) == []
    ingest.run(config, date(2026, 1, 6), date(2026, 1, 6), show=False)
    assert [(row[0].day, row[1]) for row in warehouse(config, RUNS)] == [(5, 2), (6, 1)]
    ((rule, place),) = warehouse(config, "SELECT rule, place FROM quarantined_events")
    assert (rule, place) == ("line", "2026-01-05.csv line 3")


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_nothing_is_left_in_the_temporary_folder(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    config = shop(validation={"min_rows": 2})
    deliver(config, 5, line(5), line(5, "u2"))
    deliver(config, 6, line(6))
    with pytest.raises(ValidationFailed):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 6), show=False)
    assert list(scratch.iterdir()) == []
    monkeypatch.setattr(Lake, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 5), show=False)
    assert list(scratch.iterdir()) == []


def test_a_command_that_is_told_to_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    profiles.write("starter", tmp_path / "nightcast.toml")
    (tmp_path / "scratch").mkdir()
    words = ["ingest", "--from", "2026-01-01", "--to", "2035-01-01", "--config", str(tmp_path / "nightcast.toml")]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen([sys.executable, "-m", "pipeline", *words], stdout=said, stderr=said, env=environment)
        deadline = time.monotonic() + 120
        while not list((tmp_path / "scratch").glob("nightcast-ingest-*")):
            assert process.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        assert process.wait(60) == 130
    assert list((tmp_path / "scratch").iterdir()) == []
    assert "Traceback" not in (tmp_path / "said").read_text()


GOOD = [line(5, user).encode() for user in ("u1", "u2", "u3")]
HOSTILE = {
    "byte order mark": (b"\xef\xbb\xbf", b"", 4, {}),
    "unterminated quote": (b"", b'u9,"2026-01-05 10:00:00,view,a,1', 3, {"line": 1}),
    "NUL in an id": (b"", b"u\x009,2026-01-05 10:00:00,view,a,1", 3, {"user_id_nul": 1}),
    "NUL in a time": (b"", b"u9,2026-01-05\x00 10:00:00,view,a,1", 3, {"event_time_unreadable": 1}),
    "latin-1": (b"", b"caf\xe9,2026-01-05 10:00:00,view,a,1", 3, {"line": 1}),
    "a megabyte in one field": (b"", b"u9,2026-01-05 10:00:00,view," + b"x" * 1_000_000 + b",1", 3, {"item_id_too_long": 1}),
    "a megabyte as an id": (b"", b"u" * 1_000_000 + b",2026-01-05 10:00:00,view,a,1", 3, {"user_id_too_long": 1}),
    "formula": (b"", b"=cmd|' /C calc'!A0,2026-01-05 10:00:00,view,=1+1,1", 4, {}),
    "formula as a value": (b"", b"u9,2026-01-05 10:00:00,view,a,=1+1", 3, {"value": 1}),
    "emoji id": (b"", "👩‍👩‍👧,2026-01-05 10:00:00,view,🍏,1".encode(), 4, {}),
    "SQL": (b"", b'\'; DROP TABLE events; --,2026-01-05 10:00:00,view,"a""); --",1', 4, {}),
    "only commas": (b"", b",,,,", 3, {"user_id_missing,event_time_missing,event_type_missing": 1}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_rows_are_kept_or_quarantined_and_never_lost(case: str, shop: Shop) -> None:
    start, row, accepted, refused = HOSTILE[case]
    config = shop()
    rows = [*GOOD[:2], row or line(5, "u9").encode(), *GOOD[2:]]
    (config.root / "2026-01-05.csv").write_bytes(start + b"\n".join([HEADER.encode(), *rows]) + b"\n")
    result = ingest.run(config, date(2026, 1, 5), date(2026, 1, 5), show=False)
    assert (result["rows"], result["accepted"]) == (4, accepted)
    assert dict(warehouse(config, "SELECT rule, count(*) FROM quarantined_events GROUP BY rule")) == refused
    assert events(config).height == accepted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (gzip.compress(HEADER.encode() + b"\n" + b"\n".join(GOOD * 500))[:-30], "was not delivered whole"),
        (gzip.compress(b"user,time,kind,item\nu1,2026-01-05 10:00:00,view,a\n"), r"no column 'value'"),
        ("\n".join([HEADER, line(5)]).encode("utf-16"), "not UTF-8"),
    ],
    ids=["empty file", "truncated gzip", "missing column", "UTF-16"],
)
def test_a_hostile_file_is_one_clear_error(content: bytes, message: str, shop: Shop) -> None:
    packed = content.startswith(b"\x1f\x8b")
    config = shop(files="{date}.csv.gz" if packed else "{date}.csv")
    (config.root / ("2026-01-05.csv.gz" if packed else "2026-01-05.csv")).write_bytes(content)
    with pytest.raises(SourceError, match=message) as found:
        ingest.run(config, date(2026, 1, 5), date(2026, 1, 5), show=False)
    assert "2026-01-05.csv" in str(found.value)
    assert found.value.mend
    assert not Path(config.lake_url).exists()


@pytest.fixture
def retail(tmp_path: Path) -> Config:
    if not RETAIL.is_dir():
        pytest.skip(f"no {RETAIL}: the Online Retail files are not part of the repository")
    (tmp_path / "nightcast.toml").write_text(profiles.text("online_retail"), encoding="utf-8")
    (tmp_path / "events").symlink_to(RETAIL)
    return load(tmp_path / "nightcast.toml")


def test_days_of_a_real_shop(retail: Config) -> None:
    result = ingest.run(retail, date(2011, 3, 25), date(2011, 3, 29), show=False)
    assert (result["days"], result["skipped_days"]) == (4, 1)
    assert result["rows"] == result["accepted"] + result["quarantined"] + result["duplicates"]
    found = events(retail)
    assert set(found["event_type"].unique()) == {"purchase", "cancel"}
    assert found["user_id"].str.contains(r"^\d{5}$").all()
    # First invoices at 8:41 and 7:53 by the shop's clock, which was put forward in between.
    first = dict(found.group_by("day").agg(pl.col("event_time").min()).iter_rows())
    assert first["2011-03-25"] == datetime(2011, 3, 25, 8, 41, tzinfo=UTC)
    assert first["2011-03-28"] == datetime(2011, 3, 28, 6, 53, tzinfo=UTC)
