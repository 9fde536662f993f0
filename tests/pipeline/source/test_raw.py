from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError, SourceError
from pipeline.source import raw
from pipeline.source.mapping import Column
from pipeline.source.session import open_session

USER = {"user_id": Column("user")}


def load(path: Path) -> tuple[list[str], list[tuple[object, ...]]]:
    with open_session(path.parent / "spill", "UTC") as session:
        names = raw.load_file(session, path, USER)
        return names, session.execute("SELECT * FROM raw ORDER BY line").fetchall()


def test_a_csv_row_keeps_its_line_and_a_broken_line_its_text(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("user,note\na,x\nbroken\n\nb,\n")
    names, rows = load(tmp_path / "day.csv")
    assert names == ["user", "note"]
    fault = "The line has 1 fields where the header has 2"
    assert rows == [(2, None, None, "a", "x"), (3, fault, "broken", None, None), (5, None, None, "b", "")]


def test_more_rows_than_a_chunk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "CHUNK", 3)
    (tmp_path / "day.csv").write_text("user\n" + "".join(f"u{row}\n" for row in range(10)))
    assert [row[3] for row in load(tmp_path / "day.csv")[1]] == [f"u{row}" for row in range(10)]


def test_parquet_values_become_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "CHUNK", 1)
    instant = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    table = pa.table(
        {
            "user": pa.array([13798.0, None]),
            "aware": pa.array([instant, None], pa.timestamp("us", tz="Europe/Berlin")),
            "naive": pa.array([instant.replace(tzinfo=None), None], pa.timestamp("ns")),
            "day": pa.array([date(2026, 1, 31), None]),
            "price": pa.array([Decimal("2.50"), None]),
            "rate": pa.array([0.1, None], pa.float32()),
            "flag": pa.array([True, None]),
        }
    )
    pq.write_table(table, tmp_path / "day.parquet")
    _, rows = load(tmp_path / "day.parquet")
    texts = ("13798.0", "2026-01-31 08:30:00+00", "2026-01-31 08:30:00", "2026-01-31", "2.50", "0.1", "true")
    assert rows == [(1, None, None, *texts), (2, *[None] * 9)]


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[:-10], lambda whole: b"PAR1" + bytes(len(whole))])
def test_a_damaged_parquet_file_is_one_error_that_names_it(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    pq.write_table(pa.table({"user": ["a", "b"]}), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SourceError, match=r"day\.parquet is not a whole Parquet file"):
        load(path)


@pytest.mark.parametrize("name", ["day.csv", "day.parquet"])
def test_a_missing_column_is_named(name: str, tmp_path: Path) -> None:
    table = pa.table({"customer": ["a"]})
    pq.write_table(table, tmp_path / "day.parquet")
    (tmp_path / "day.csv").write_text("customer\na\n")
    with pytest.raises(SourceError, match=r"no column 'user' \(for user_id\); it has 'customer'"):
        load(tmp_path / name)


def test_the_day_stands_in_the_file_name(configured: Callable[..., Config], tmp_path: Path) -> None:
    assert raw.day_file(configured(files="in/{date}.csv.gz"), date(2026, 1, 31)) == tmp_path / "in/2026-01-31.csv.gz"


def test_another_suffix_is_refused(configured: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"is none of \.csv, \.csv\.gz, \.parquet"):
        raw.day_file(configured(files="{date}.json"), date(2026, 1, 31))
