from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.cutoff import EPOCH
from pipeline.source.instants import instant
from pipeline.source.session import open_session


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def read(text: str | None, folder: Path, zone: str = "Europe/Berlin") -> datetime | None:
    with open_session(folder, zone) as session:
        found = session.execute(f"SELECT {instant('t')} FROM (SELECT CAST(? AS VARCHAR) AS t)", [text]).fetchall()[0][0]
    return None if found is None else EPOCH + timedelta(microseconds=found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31 08:30:00", at(2026, 1, 31, 7, 30)),
        ("2026-01-31T08:30", at(2026, 1, 31, 7, 30)),
        (" 2026-01-31t08:30:00.25 ", at(2026, 1, 31, 7, 30, 0, 250_000)),
        ("2026-01-31 08:30:00.123456789", at(2026, 1, 31, 7, 30, 0, 123_456)),
        ("2026-01-31", at(2026, 1, 30, 23)),
        ("2026-03-29 02:30:00", at(2026, 3, 29, 1, 30)),
        ("2026-10-25 02:30:00", at(2026, 10, 25, 0, 30)),
        ("2026-10-25 02:30:00+01:00", at(2026, 10, 25, 1, 30)),
        ("2026-01-31 08:30:00Z", at(2026, 1, 31, 8, 30)),
        ("2026-01-31t08:30z", at(2026, 1, 31, 8, 30)),
        ("2026-01-31 08:30:00 +02:00", at(2026, 1, 31, 6, 30)),
        ("2026-01-31T08:30:00.5-0330", at(2026, 1, 31, 12, 0, 0, 500_000)),
        ("2026-01-31 08:30:00+02", at(2026, 1, 31, 6, 30)),
        ("2024-02-29 00:00:00", at(2024, 2, 28, 23)),
        ("2026-02-30 10:00:00", None),
        ("2026-02-29", None),
        ("2026-01-31 25:00:00", None),
        ("2026-01-31 08:30:60", None),
        ("31/01/2026 08:30", None),
        ("01/12/2010 8:26", None),
        ("1767225600", None),
        ("infinity", None),
        ("epoch", None),
        ("2026-01-31Z", None),
        ("12026-01-31 08:30:00", None),
        ("", None),
        (None, None),
    ],
)
def test_times(text: str | None, expected: datetime | None, tmp_path: Path) -> None:
    assert read(text, tmp_path) == expected
