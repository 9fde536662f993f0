from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import EVENTS, bucket_of
from pipeline.config import Config
from pipeline.day_record import FOOTER_KEY, DayRecord
from pipeline.errors import NightcastError
from pipeline.source import verdicts
from pipeline.source.batch import REFUSED, to_batch
from tests.pipeline.source.judged import DAY, NAMES, TIME, Cells, Judged, delivery, judge, row

Configured = Callable[..., Config]
MAPPED = {"user_id": "user", "event_time": "time", "event_type": "kind", "item_id": "item", "value": "value"}


def take(config: Config, *rows: Cells) -> Judged:
    return judge(config, delivery(*rows))


def test_a_row_becomes_an_event(configured: Configured) -> None:
    (event,) = take(configured(), row("u1", TIME, "purchase", "apple", "2.55", "hello")).events
    assert event.pop("event_id")
    assert event == {
        "user_id": "u1",
        "event_time": datetime(2026, 3, 29, 8, tzinfo=UTC),
        "available_at": datetime(2026, 3, 29, 22, tzinfo=UTC),
        "event_type": "purchase",
        "item_id": "apple",
        "category": None,
        "value": 25_500,
        "session_id": None,
        "segment": None,
        "bucket": bucket_of("u1", 16),
    }


def test_every_text_is_taken_from_its_own_column(configured: Configured) -> None:
    columns = {"user_id": "user", "event_time": "time", "event_type": "'view'", "item_id": "kind"}
    others = {"category": "item", "session_id": "value", "segment": "note"}
    (event,) = take(configured(columns={**columns, **others}), row("u1", TIME, "i", "c", "s", "north")).events
    assert [event[name] for name in ("item_id", *others)] == ["i", "c", "s", "north"]


def test_a_segment_that_is_too_long_is_refused_and_an_empty_one_is_null(configured: Configured) -> None:
    config = configured(columns={"user_id": "user", "event_time": "time", "event_type": "kind", "segment": "note"})
    found = take(config, row("u1", TIME, "view", "", "", "n" * 1024), row("u2", TIME, "view", "", "", "n" * 1025), row("u3"))
    assert found.by_user("segment") == {"u1": "n" * 1024, "u3": None}
    assert found.rules == {3: "segment_too_long"}


def test_the_files_are_as_declared(configured: Configured, tmp_path: Path) -> None:
    batch = to_batch(configured(), tmp_path, DAY, "run-7", [delivery(row("u1"), row(""))])
    assert batch is not None
    with pq.ParquetFile(batch.events) as events, pq.ParquetFile(batch.refused) as refused:
        assert events.schema_arrow.remove_metadata() == EVENTS
        assert refused.schema_arrow.remove_metadata() == REFUSED
        assert DayRecord.from_json(events.metadata.metadata[FOOTER_KEY.encode()].decode()) == batch.record
    columns = {"events": dict.fromkeys(NAMES, "text")}
    assert batch.record == DayRecord(DAY, "run-7", 2, 1, 1, 0, 0, by_type={"view": 1}, newest=1_774_771_200_000_000, columns=columns)


def test_without_a_row_there_is_no_batch(configured: Configured, tmp_path: Path) -> None:
    assert to_batch(configured(), tmp_path, DAY, "run", []) is None
    assert to_batch(configured(), tmp_path, DAY, "run", [delivery()]) is None


def test_a_day_of_refused_rows_alone_is_a_batch(configured: Configured) -> None:
    found = take(configured(), row(""))
    assert (found.events, found.record.accepted, found.record.newest, found.record.by_type) == ([], 0, None, {})


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_23_or_25_hours_keeps_all_its_events(day: str, hours: int, configured: Configured) -> None:
    config = configured(validation={"future_tolerance_hours": 0})
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() - (3600 if hours == 23 else 7200)
    times = [datetime.fromtimestamp(begin + 3600 * hour, UTC).isoformat() for hour in range(-1, hours + 1)]
    found = judge(config, delivery(*(row("u", time) for time in times)), day=date.fromisoformat(day))
    assert (found.record.accepted, found.record.late) == (hours + 1, 1)
    assert found.rules == {hours + 3: "event_time_future"}


def test_events_are_sorted_and_bucketed(configured: Configured) -> None:
    users = ["emoji-👩‍👩‍👧", "ü", "z", "a", "🙂", "A", "user-1", "=cmd()|'x'!A1", "'; DROP TABLE judged; --", '"', "\\", "\u0085", " a "]
    found = take(configured(), *(row(user, f"2026-03-29 1{hour}:00:00") for hour in (5, 3) for user in users))
    assert {event["user_id"]: event["bucket"] for event in found.events} == {user: bucket_of(user, 16) for user in users}
    keys = [(event["bucket"], event["user_id"].encode(), event["event_time"], event["event_id"]) for event in found.events]
    assert keys == sorted(keys)


def test_a_lost_row_is_an_error(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "broken_rules", lambda rules: "CASE WHEN row = 2 THEN [{'rule': 'r', 'reason': 'r'}] ELSE [] END")
    with pytest.raises(NightcastError, match=r"2 rows became 0 accepted \+ 1 quarantined \+ 0 duplicates"):
        take(configured(), row(""), row(""))


TEXT = st.text(max_size=5)
CELLS = st.tuples(
    st.one_of(st.sampled_from(["u1", "u2", "", " "]), TEXT),
    st.sampled_from([TIME, "2026-03-29T02:30:00", "2020-01-01", "", "x", "2099-01-01", "9999-12-31 00:00:00"]),
    st.sampled_from(["view", "purchase", "click", ""]),
    st.one_of(st.none(), TEXT),
    st.sampled_from(["1", "-2.5", "", "x", "1e400", "inf", "nan", "1000000000000000000", None]),
    st.sampled_from(["a", "b", ""]),
)
ROWS = st.lists(CELLS, max_size=12)
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
IDS = st.sampled_from([{}, {"event_id": "note"}, {"event_id": "note", "available_at": "time"}])


def without_run(found: Judged) -> tuple[bytes, object]:
    """The bytes of the events, and the refused rows apart from their numbers."""
    return found.bytes, sorted((row["source_row"], row["reason"], row["rule"]) for row in found.refused)


@SLOW
@given(rows=ROWS.filter(bool), duplicates=st.sampled_from(["drop", "keep"]), ids=IDS)
def test_every_row_is_counted_once(configured: Configured, rows: list[Cells], duplicates: str, ids: dict[str, str]) -> None:
    found = take(configured(duplicates=duplicates, columns={**MAPPED, **ids}), *rows)
    record = found.record
    assert record.rows == len(rows) == record.accepted + record.quarantined + record.duplicates
    assert (record.accepted, record.quarantined) == (len(found.events), len(found.refused))
    assert record.duplicates == sum(record.repeated.values())
    assert record.accepted == sum(record.by_type.values())
    assert all(row["reason"] and row["rule"] for row in found.refused)
    identities = [(event["user_id"], event["event_id"]) for event in found.events]
    assert len(identities) == len(set(identities))
    assert all(event["bucket"] == bucket_of(event["user_id"], 16) for event in found.events)


@SLOW
@given(st.data(), ROWS.filter(bool), st.sampled_from(["drop", "keep"]), IDS)
def test_neither_order_nor_chunks_change_the_events(
    configured: Configured, data: st.DataObject, rows: list[Cells], duplicates: str, ids: dict[str, str]
) -> None:
    config = configured(duplicates=duplicates, columns={**MAPPED, **ids})
    shuffled, chunk = data.draw(st.permutations(rows)), data.draw(st.integers(1, 13))
    assert without_run(judge(config, delivery(*shuffled, chunk=chunk))) == without_run(take(config, *rows))


@SLOW
@given(st.data(), ROWS.filter(bool), IDS)
def test_rows_that_come_again_change_no_event(configured: Configured, data: st.DataObject, rows: list[Cells], ids: dict[str, str]) -> None:
    config = configured(columns={**MAPPED, **ids})
    again = data.draw(st.lists(st.sampled_from(rows), max_size=5))
    once, twice = take(config, *rows), take(config, *data.draw(st.permutations([*rows, *again])))
    assert once.events == twice.events
    assert once.record.by_type == twice.record.by_type


@SLOW
@given(first=ROWS.filter(bool), rows=ROWS.filter(bool), ids=IDS)
def test_what_was_known_before_is_dropped_and_nothing_else(
    configured: Configured, first: list[Cells], rows: list[Cells], ids: dict[str, str]
) -> None:
    config = configured(columns={**MAPPED, **ids})
    before, alone = take(config, *first), take(config, *rows)
    after = judge(config, delivery(*rows), known=before.dataset)
    there = {(event["user_id"], event["event_id"]) for event in before.events}
    assert after.events == [event for event in alone.events if (event["user_id"], event["event_id"]) not in there]
    assert after.record.rows == after.record.accepted + after.record.quarantined + after.record.duplicates
