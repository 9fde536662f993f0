from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.errors import NightcastError
from pipeline.source.batch import READMITTED
from tests.pipeline.source.judged import TIME, Cells, Judged, delivery, judge, row

Configured = Callable[..., Config]
IDS = {"user_id": "user", "event_time": "time", "event_type": "kind", "event_id": "note", "item_id": "item"}
OWN = datetime(2026, 3, 29, 22, tzinfo=UTC)
BACK, LATER = datetime(2026, 4, 5, 22, tzinfo=UTC), datetime(2026, 4, 9, 22, tzinfo=UTC)
MORE_TYPES = ["view", "purchase", "click"]

ROWS = [row("u1", TIME, "view", "a", "", "e1"), row("u2", TIME, "click", "b", "", "e2"), row("", TIME, "view", "", "", "e3")]
AGAIN = [*ROWS[:1], *ROWS[1:2], row("u4", TIME, "click", "", "", "e4")]


def first_day(configured: Configured) -> Judged:
    """One event, and two refused rows, of which a new event type will mend one."""
    return judge(configured(columns=IDS), delivery(*ROWS))


def readmit(configured: Configured, before: Judged, *rows: Cells, back: datetime = BACK, **more: Any) -> Judged:
    config = configured(columns=IDS, event_types=MORE_TYPES)
    lines = list(range(3, 3 + len(rows)))
    return judge(config, delivery(*rows, lines=lines, back=back), run_id="run-2", base=(before.dataset, before.record), **more)


def test_events_of_earlier_days_are_late(configured: Configured) -> None:
    times = ["2026-03-29 00:00:00", "2026-03-28 23:59:59", "2026-03-01 10:00:00"]
    record = judge(configured(), delivery(*(row("u1", time) for time in times))).record
    assert (record.accepted, record.late) == (3, 2)


def test_what_is_mended_joins_the_day_and_is_known_from_then_on(configured: Configured) -> None:
    before = first_day(configured)
    found = readmit(configured, before, *ROWS[1:])
    assert found.by_user("available_at") == {"u1": OWN, "u2": BACK}
    assert [event for event in found.events if event["user_id"] == "u1"] == before.events
    assert found.rules == {4: "user_id_missing"}
    record = found.record
    assert (record.run_id, record.rows, record.accepted, record.quarantined, record.duplicates) == ("run-2", 3, 2, 1, 0)
    assert (record.readmitted, record.by_type, record.columns) == (1, {"view": 1, "click": 1}, before.record.columns)
    assert found.batch.readmitted.schema == READMITTED
    assert found.batch.readmitted.to_pylist() == [{"user_id": "u2", "event_id": "e2", "available_at": BACK}]


def test_what_came_back_earlier_stays_as_it_was(configured: Configured) -> None:
    once = readmit(configured, first_day(configured), *ROWS[1:])
    mended = row("u3", TIME, "view", "", "", "e3")
    config = configured(columns=IDS, event_types=MORE_TYPES)
    twice = judge(config, delivery(mended, lines=[4], back=LATER), base=(once.dataset, once.record), readmitted=once.batch.readmitted)
    assert twice.by_user("available_at") == {"u1": OWN, "u2": BACK, "u3": LATER}
    assert [event for event in twice.events if event["user_id"] != "u3"] == once.events
    assert [each["event_id"] for each in twice.batch.readmitted.to_pylist()] == ["e2", "e3"]
    assert (twice.record.readmitted, twice.record.quarantined) == (2, 0)


def test_an_event_that_is_there_already_is_a_re_delivery(configured: Configured) -> None:
    before = first_day(configured)
    found = readmit(configured, before, row("u1", TIME, "click", "", "", "e1"), row("", TIME))
    assert found.events == before.events
    assert (found.record.accepted, found.record.duplicates, found.record.repeated) == (1, 1, {"click": 1})


def test_nothing_changes_where_nothing_is_mended(configured: Configured) -> None:
    before = first_day(configured)
    found = judge(configured(columns=IDS), delivery(*ROWS[1:], lines=[3, 4], back=BACK), base=(before.dataset, before.record))
    assert (found.events, found.record.quarantined, found.batch.readmitted.num_rows) == (before.events, 2, 0)


def test_a_refused_row_that_is_not_judged_again_is_an_error(configured: Configured) -> None:
    with pytest.raises(NightcastError, match="3 rows became 2 accepted"):
        readmit(configured, first_day(configured), ROWS[1])


def test_a_day_that_is_ingested_again_keeps_the_time_of_what_came_back(configured: Configured) -> None:
    once = readmit(configured, first_day(configured), *ROWS[1:])
    config = configured(columns=IDS, event_types=MORE_TYPES)
    again = judge(config, delivery(*AGAIN), readmitted=once.batch.readmitted)
    assert again.by_user("available_at") == {"u1": OWN, "u2": BACK, "u4": OWN}
    assert again.record.readmitted == 1
    assert again.batch.readmitted == once.batch.readmitted
    assert judge(configured(columns=IDS), delivery(*ROWS), readmitted=once.batch.readmitted).batch.readmitted.num_rows == 0


def test_the_same_id_of_another_user_did_not_come_back(configured: Configured) -> None:
    once = readmit(configured, first_day(configured), *ROWS[1:])
    config = configured(columns=IDS, event_types=MORE_TYPES)
    found = judge(config, delivery(ROWS[1], row("u9", TIME, "click", "", "", "e2")), readmitted=once.batch.readmitted)
    assert found.by_user("available_at") == {"u2": BACK, "u9": OWN}


def test_what_comes_back_is_never_known_before_it_was_said_to_be(configured: Configured) -> None:
    config = configured(columns={**IDS, "available_at": "value"})
    row_later = row("u1", TIME, "view", "", "2026-04-20", "e1")
    before = judge(config, delivery(row("")))
    found = judge(config, delivery(row_later, back=BACK), base=(before.dataset, before.record))
    assert found.column("available_at") == [datetime(2026, 4, 19, 22, tzinfo=UTC)]
