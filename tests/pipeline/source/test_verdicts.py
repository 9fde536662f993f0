from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError, SourceError
from pipeline.source.verdicts import end_of_batch, latest_event
from tests.pipeline.source.judged import DAY, TIME, Cells, Judged, delivery, judge, row

Configured = Callable[..., Config]
TYPED = {"user_id": "user", "event_time": "time", "event_type": "kind"}


def take(config: Config, *rows: Cells) -> Judged:
    return judge(config, delivery(*rows))


def test_the_end_of_a_day_is_its_zone_s_and_so_is_the_tolerance(configured: Configured) -> None:
    config = configured(validation={"future_tolerance_hours": 2})
    assert str(end_of_batch(config, DAY)) == "2026-03-29T22:00:00Z"
    assert str(latest_event(config, DAY)) == "2026-03-30T00:00:00Z"
    assert str(end_of_batch(config, date(2026, 10, 25))) == "2026-10-25T23:00:00Z"


def test_each_rule_names_its_rows(configured: Configured) -> None:
    columns = {**TYPED, "item_id": "item", "value": "value", "event_id": "note"}
    ways = {
        "": row("u1", TIME, "view", "", "", "e"),
        "user_id_missing": row("  ", TIME, "view", "", "", "e"),
        "user_id_too_long": row("ü" * 257, TIME, "view", "", "", "e"),
        "user_id_nul": row("u\0v", TIME, "view", "", "", "e"),
        "event_time_missing": row("u1", "", "view", "", "", "e"),
        "event_time_unreadable": row("u1", "29.3.2026", "view", "", "", "e"),
        "event_time_future": row("u1", "9999-12-31 23:59:59", "view", "", "", "e"),
        "event_time_past": row("u1", "1970-01-01 00:00:00", "view", "", "", "e"),
        "event_type_missing": row("u1", TIME, "", "", "", "e"),
        "event_type_unknown": row("u1", TIME, "click", "", "", "e"),
        "value": row("u1", TIME, "view", "", "1000000000000000000", "e"),
        "event_id_missing": row("u1", TIME, "view", "", "", ""),
        "event_id_too_long": row("u1", TIME, "view", "", "", "e" * 1025),
        "event_id_nul": row("u1", TIME, "view", "", "", "e\0"),
        "item_id_too_long": row("u1", TIME, "view", "i" * 1025, "", "e"),
        "item_id_nul": row("u1", TIME, "view", "\0", "", "e"),
        "user_id_missing,event_time_unreadable,event_type_unknown,value,event_id_missing": row(None, "soon", "click", "", "inf", None),
    }
    found = take(configured(columns=columns), *ways.values())
    assert found.rules == {line: rule for line, rule in enumerate(ways, 2) if rule}
    assert found.record.accepted == 1


def test_every_broken_rule_is_said_with_its_value(configured: Configured) -> None:
    (refused,) = take(configured(), row("u1", "soon", "cl\0ck", "", "abc")).refused
    assert refused["reason"] == (
        "event_time 'soon' is not a time such as 2026-01-31 08:30:00 or 2026-01-31T08:30:00Z; "
        "event_type 'cl\\0ck' is not one of view, purchase; value 'abc' is not a finite number that fits 64 bits of ten-thousandths"
    )


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "Infinity", "1e400", "1e15", "abc", "1_000", "1,5", "0x10", "=1+1", "9" * 65, " "])
def test_what_is_no_finite_number_is_refused(value: str, configured: Configured) -> None:
    assert take(configured(), row("u1", TIME, "view", "", value)).rules == {2: "value"}


def test_numbers_are_exact(configured: Configured) -> None:
    texts = ["922337203685477.5807", "-922337203685477.5808", "0.00005", "0.00015", " 7 ", "1e-3", "5.", ".5", "+1.25", ""]
    found = take(configured(), *(row(f"u{place}", TIME, "view", "", text) for place, text in enumerate(texts)))
    values = [found.by_user("value")[f"u{place}"] for place in range(len(texts))]
    assert values == [2**63 - 1, -(2**63), 0, 2, 70_000, 10, 50_000, 5_000, 12_500, None]


def test_the_latest_permitted_time_is_before_the_end_of_the_day_and_its_tolerance(configured: Configured) -> None:
    config = configured(validation={"future_tolerance_hours": 1})
    found = take(config, row("u1", "2026-03-30 00:59:59.999999"), row("u1", "2026-03-30 01:00:00"))
    assert found.column("event_time") == [datetime(2026, 3, 29, 22, 59, 59, 999_999, tzinfo=UTC)]
    assert found.rules == {3: "event_time_future"}


def test_hours_that_the_clock_skips_or_repeats_are_accepted(configured: Configured) -> None:
    skipped = take(configured(), row("u1", "2026-03-29 02:30:00")).column("event_time")
    assert skipped == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]
    repeated = judge(configured(), delivery(row("u1", "2026-10-25 02:30:00")), day=date(2026, 10, 25)).column("event_time")
    assert repeated == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_nothing_is_known_before_it_happened(configured: Configured) -> None:
    found = take(configured(), row("u1", "2026-03-30 09:00:00"))
    assert found.column("available_at") == found.column("event_time")


def test_a_mapped_available_at_is_kept_and_defaults_to_the_end_of_the_day(configured: Configured) -> None:
    config = configured(columns={**TYPED, "available_at": "note"})
    notes = {"a": "2026-03-29T08:05:00Z", "b": "", "c": "late", "d": "9999-12-31", "e": "2026-05-01 00:00"}
    found = take(config, *(row(user, TIME, "view", "", "", note) for user, note in notes.items()))
    assert found.by_user("available_at") == {
        "a": datetime(2026, 3, 29, 8, 5, tzinfo=UTC),
        "b": datetime(2026, 3, 29, 22, tzinfo=UTC),
        "e": datetime(2026, 4, 30, 22, tzinfo=UTC),
    }
    assert found.rules == {4: "available_at_unreadable", 5: "available_at_future"}


def test_what_says_the_day_must_be_there(configured: Configured) -> None:
    columns = {**TYPED, "available_at": "note"}
    config = configured(files="*.csv", columns=columns, day_by="available_at")
    found = take(config, row("u1"), row("u2", TIME, "view", "", "", "2026-03-29 12:00:00"))
    assert (found.column("user_id"), found.rules) == (["u2"], {2: "available_at_missing"})


def test_a_customer_number_must_be_whole(configured: Configured) -> None:
    found = take(configured(columns={**TYPED, "user_id": "integer(user)"}), *(row(user) for user in ("13798.0", "13798.5", "")))
    assert found.column("user_id") == ["13798"]
    assert found.rules == {3: "user_id_not_whole", 4: "user_id_missing"}


def test_a_declared_column_that_is_missing_is_an_error_and_an_undeclared_one_is_empty(configured: Configured) -> None:
    config = configured(columns={**TYPED, "item_id": "thing", "value": "many * price"})
    with pytest.raises(SourceError, match=r"day\.csv has no column 'many' \(for value\), 'price' \(for value\), 'thing' \(for item_id\)"):
        take(config, row("u1"))
    found = judge(config, delivery(row("u1"), texts={2: "{}"}, header=False))
    assert (found.column("item_id"), found.column("value")) == ([None], [None])


def test_an_expression_is_named_with_the_stream_it_stands_in(configured: Configured) -> None:
    config = configured(streams={"web": {"files": "{date}.csv", "columns": {**TYPED, "item_id": "a * b"}}})
    with pytest.raises(ConfigError, match=r"source\.streams\.web\.columns\.item_id"):
        judge(config, delivery(row("u1"), stream="web"))


def test_names_from_outside_are_only_names(configured: Configured) -> None:
    odd = "no\"thing'; DROP TABLE judged; --"
    names = (odd, "time", "kind")
    columns = {**TYPED, "user_id": '"' + odd.replace('"', '""') + '"'}
    found = judge(configured(columns=columns), delivery(("u1", TIME, "view"), ("", TIME, "view"), names=names, place="d'ay.csv"))
    assert (found.column("user_id"), found.refused[0]["place"]) == (["u1"], "d'ay.csv line 3")
