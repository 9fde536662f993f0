from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.cutoff import EPOCH
from pipeline.source.instants import SPACED, UNSPACED, instant, of_any_form
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
        ("2026-03-29T08:30:15.250Z", at(2026, 3, 29, 8, 30, 15, 250_000)),
        ("2026-03-29T08:30:15.250125Z", at(2026, 3, 29, 8, 30, 15, 250_125)),
        ("2026-01-31T08:30:15.250", at(2026, 1, 31, 7, 30, 15, 250_000)),
        ("2026-01-31 08:30:15.000009", at(2026, 1, 31, 7, 30, 15, 9)),
        ("2026-01-31T08:30:15+00:00", at(2026, 1, 31, 8, 30, 15)),
        ("2026-01-31 08:30:15+00", at(2026, 1, 31, 8, 30, 15)),
        ("2026-01-31 08:30:15+01", at(2026, 1, 31, 7, 30, 15)),
        ("2026-01-31 \t8:30:00", None),
        ("2026-01-31T08:30:0\nZ", None),
        ("2026-01-31  8:30:00", None),
        ("2026-01-3  08:30:00", None),
        (" 026-01-31T08:30:00Z", None),
        ("2026-01-31T08:30:0 Z", None),
        ("+026-01-31T08:30:00Z", None),
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


USUAL = (
    *("2026-03-29", "2026-03-29T02:30", "2026-03-29 02:30", "2026-10-25T02:30:15", "2024-02-29 23:59:59", "9999-12-31T23:59:59Z"),
    *("2026-03-29T08:30:15.250", "2026-03-29 08:30:15.250", "2026-03-29T08:30:15.250Z", "0001-01-01 00:00:00.000001"),
    *(
        "2026-03-29T08:30:15.250125",
        "2026-03-29T08:30:15.250125Z",
        "2026-03-29T08:30+02:00",
        "2026-03-29T08:30:15+00:00",
        "2026-03-29 08:30:15+00",
        "2026-03-29 08:30:15.25 -03",
    ),
)


@st.composite
def nearly_a_time(draw: st.DrawFn) -> str:
    """A time of a usual form with up to three characters changed, put in, taken out, or swapped."""
    text = list(draw(st.sampled_from(USUAL)))
    for _ in range(draw(st.integers(0, 3))):
        place, kind = draw(st.integers(0, len(text) - 1)), draw(st.sampled_from("cpts"))
        new = draw(st.sampled_from("0123456789 -+:.TZtz,e_/\0é\t\n\r\v\f\u00a0٣"))
        other = draw(st.integers(0, len(text) - 1))
        if kind == "c":
            text[place] = new
        elif kind == "p":
            text.insert(place, new)
        elif kind == "t" and len(text) > 1:
            del text[place]
        else:
            text[place], text[other % len(text)] = text[other % len(text)], text[place]
    return "".join(text)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(nearly_a_time(), min_size=20, max_size=60))
def test_usual_forms_are_read_as_any_form_is(tmp_path: Path, texts: list[str]) -> None:
    with open_session(tmp_path, "Europe/Berlin") as session:
        session.register("texts", pa.table({"t": texts}))
        found = session.execute(f"SELECT t, {instant('t')}, {of_any_form('t')} FROM texts").fetchall()
    assert [(text, quick) for text, quick, _ in found] == [(text, exact) for text, _, exact in found]


def test_lengths_are_those_of_the_formats() -> None:
    moment = datetime(2026, 3, 29, 8, 30, 15, 250_125, tzinfo=UTC)
    for length, form in [*UNSPACED.items(), *SPACED.items()]:
        assert len(moment.strftime(form.replace("%g", "250"))) == length
