from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from features.contract import EVENTS
from pipeline.config_source import EVENT_COLUMNS, OWN_STREAM, REQUIRED_COLUMNS, Source, Stream, Validation

COLUMNS = {"user_id": "u", "event_time": "t", "event_type": "k"}


def source(**given: Any) -> Source:
    """One stream of its own, unless it has streams."""
    own = {} if "streams" in given else {"columns": COLUMNS}
    return Source(**{"event_types": ("buy",), **own, **given})


@pytest.mark.parametrize("place", [{"table": "raw"}, {"files": "{date}.csv"}, {"query": "SELECT 1"}])
def test_a_source_with_its_own_place_is_one_stream(place: dict[str, str]) -> None:
    found = source(**place)
    assert list(found.each) == [OWN_STREAM]
    assert found.each[OWN_STREAM].places == list(place)


@pytest.mark.parametrize("places", [{}, {"table": "raw", "files": "{date}.csv"}, {"table": "raw", "query": "SELECT 1"}])
def test_a_stream_has_exactly_one_place(places: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="needs exactly one of `files`, `table` and `query`"):
        source(**places)
    with pytest.raises(ValidationError, match=r"streams\.web needs exactly one of"):
        source(streams={"web": {**places, "columns": COLUMNS}})


def test_streams_keep_the_order_of_the_file() -> None:
    found = source(streams={name: {"table": name, "columns": COLUMNS} for name in ("web", "app", "till")})
    assert list(found.each) == ["web", "app", "till"]
    assert found.each["app"].table == "app"


def test_a_place_beside_streams_is_refused() -> None:
    with pytest.raises(ValidationError, match="move the place into a stream"):
        source(table="raw", streams={"web": {"table": "web", "columns": COLUMNS}})


def test_a_stream_without_columns_is_named() -> None:
    with pytest.raises(ValidationError, match=r"streams\.web needs `columns`"):
        source(streams={"web": {"table": "web"}})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"files": "events/*.csv.gz"},
            r"needs `\{date\}` where the day stands, such as events/\{date\}\.csv\.gz, or `day_by = \"event_time\"`",
        ),
        ({"files": "all.csv", "day_by": "name"}, r"needs `\{date\}` in `files`"),
        ({"files": "{date}.csv", "day_by": "event_time"}, "goes with files without"),
        ({"table": "raw", "day_by": "available_at"}, r"needs columns\.available_at"),
        ({"table": "raw", "day_by": "name"}, r"needs `\{date\}` in `files`"),
        ({"table": "raw", "day_by": "arrival"}, "Input should be"),
        ({"table": "raw", "columns": {**COLUMNS, "price": "p"}}, "unknown event columns price; an event has user_id"),
        ({"table": "raw", "columns": {"user_id": "u"}}, "does not say where event_time, event_type comes from"),
        ({"table": "raw", "key": ("price",)}, "names unknown event columns price"),
        ({"table": "raw", "duplicates": "guess"}, "Input should be"),
    ],
)
def test_a_wrong_stream_says_what_would_be_right(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Stream(**{"columns": COLUMNS, **wrong})


@pytest.mark.parametrize(
    ("place", "day_column"),
    [
        ({"files": "{date}.csv"}, "name"),
        ({"files": "*.csv", "day_by": "event_time"}, "event_time"),
        ({"table": "raw"}, "event_time"),
        ({"query": "SELECT 1", "day_by": "available_at", "columns": {**COLUMNS, "available_at": "a"}}, "available_at"),
    ],
)
def test_what_says_the_day(place: dict[str, Any], day_column: str) -> None:
    assert Stream(**{"columns": COLUMNS, **place}).day_column == day_column


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_types": ()},
        {"event_types": ("Buy now",)},
        {"time_zone": "Mars/Olympus"},
        {"redelivery_days": -1},
        {"drift": "ignore"},
        {"settle_seconds": -1},
        {"max_file_gib": 0},
        {"tables": "raw"},
    ],
)
def test_a_source_refuses_what_it_could_not_use(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(**{"table": "raw", **wrong})


def test_a_source_knows_its_zone() -> None:
    assert source(table="raw", time_zone="Europe/London").zone.key == "Europe/London"


@pytest.mark.parametrize(
    "wrong", [{"volume_band": (2.0, 1.0)}, {"volume_band": (-1.0, 1.0)}, {"max_quarantined_share": 1.5}, {"min_rows": 0}]
)
def test_validation_refuses_bounds_that_no_day_could_keep(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Validation(**wrong)


def test_a_source_can_be_mapped_to_every_column_of_an_event_but_the_one_that_follows_from_the_user() -> None:
    assert set(EVENT_COLUMNS) == set(EVENTS.names) - {"bucket"}
    assert set(REQUIRED_COLUMNS) < {field.name for field in EVENTS if not field.nullable}
