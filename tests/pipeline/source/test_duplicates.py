from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as pads

from pipeline.config import Config
from tests.pipeline.source.judged import TIME, Cells, delivery, judge, row

Configured = Callable[..., Config]
IDS = {"user_id": "user", "event_time": "time", "event_type": "kind", "event_id": "note", "item_id": "item"}


def noted(user: str, note: str, item: str = "", kind: str = "view", time: str = TIME) -> Cells:
    return row(user, time, kind, item, "", note)


def known(*identities: tuple[str, str]) -> pads.Dataset:
    users, events = zip(*identities, strict=True)
    return pads.dataset(pa.table({"event_id": list(events), "user_id": list(users)}))


def test_identical_rows_count_once(configured: Configured) -> None:
    line = row("u1", TIME, "view", "a", "1", "x")
    found = judge(configured(), delivery(line, line, row("u1", TIME, "view", "a", "1", "y"), line))
    assert (found.record.rows, found.record.accepted, found.record.duplicates) == (4, 2, 2)


def test_of_several_rows_of_an_event_the_one_known_first_counts_in_any_order(configured: Configured) -> None:
    rows = [noted("u1", "e", "b"), noted("u1", "e", "a"), noted("u1", "e", "c", time="2026-03-29 09:00:00")]
    for order in (rows, rows[::-1]):
        assert judge(configured(columns=IDS), delivery(*order)).column("item_id") == ["c"]


def test_equal_ids_of_two_users_are_two_events(configured: Configured) -> None:
    found = judge(configured(columns=IDS), delivery(noted("u1", "e"), noted("u2", "e"), noted("u", "1e")), known=known(("u3", "e")))
    assert (found.record.accepted, found.record.duplicates) == (3, 0)


def test_refused_rows_are_no_duplicates(configured: Configured) -> None:
    found = judge(configured(columns=IDS), delivery(noted("", "e"), noted("", "e"), noted("u1", "f", kind="click"), noted("u1", "f")))
    assert (found.record.accepted, found.record.quarantined, found.record.duplicates) == (1, 3, 0)


def test_rows_delivered_on_a_day_before_are_duplicates_by_type(configured: Configured) -> None:
    rows = [noted("u1", "a"), noted("u1", "a"), noted("u2", "b", kind="purchase"), noted("u3", "c")]
    found = judge(configured(columns=IDS), delivery(*rows), known=known(("u1", "a"), ("u1", "a"), ("u2", "b"), ("u9", "c")))
    assert found.column("user_id") == ["u3"]
    assert (found.record.duplicates, found.record.repeated) == (3, {"purchase": 1, "view": 2})


def test_kept_repeats_get_the_day_and_their_number(configured: Configured) -> None:
    config = configured(columns=IDS, duplicates="keep")
    rows = [noted("u1", "e", "y"), noted("u1", "e", "x"), noted("u1", "f"), noted("u2", "e")]
    for order in (rows, rows[::-1]):
        found = judge(config, delivery(*order), known=known(("u1", "e"), ("u1", "e-2026-03-29-1")))
        assert {(event["user_id"], event["event_id"], event["item_id"]) for event in found.events} == {
            ("u1", "e-2026-03-29-1", "x"),
            ("u1", "e-2026-03-29-2", "y"),
            ("u1", "f-2026-03-29-1", None),
            ("u2", "e-2026-03-29-1", None),
        }
        assert found.record.duplicates == 0


def test_each_stream_has_its_own_policy(configured: Configured) -> None:
    streams = {
        "clicks": {"files": "clicks{date}.csv", "columns": IDS, "duplicates": "keep"},
        "orders": {"files": "orders{date}.csv", "columns": IDS},
    }
    rows = [noted("u1", "e"), noted("u1", "e")]
    found = judge(configured(streams=streams), delivery(*rows, stream="clicks"), delivery(*rows, stream="orders"), known=known(("u1", "x")))
    assert found.column("event_id") == ["e", "e-2026-03-29-1", "e-2026-03-29-2"]
    assert found.record.duplicates == 1


def test_many_equal_rows_among_others(configured: Configured) -> None:
    rows = [noted(f"u{number % 50}", f"e{number % 200}") for number in range(600)]
    found = judge(configured(columns=IDS), delivery(*rows, chunk=64))
    assert (found.record.accepted, found.record.duplicates) == (200, 400)
    again = judge(configured(columns=IDS), delivery(*rows, chunk=64), known=found.dataset)
    assert (again.record.accepted, again.record.duplicates) == (0, 600)


def test_a_repeat_that_comes_back_is_numbered_after_those_that_are_there(configured: Configured) -> None:
    config = configured(columns=IDS, duplicates="keep")
    rows = [noted("u1", "e"), noted("u1", "e"), noted("u1", "e", kind="click"), noted("u2", "g", kind="click")]
    first = judge(config, delivery(*rows))
    mended = configured(columns=IDS, duplicates="keep", event_types=["view", "purchase", "click"])
    back = datetime(2026, 4, 5, 22, tzinfo=UTC)
    found = judge(mended, delivery(*rows[2:], lines=[4, 5], back=back), base=(first.dataset, first.record))
    assert sorted((event["user_id"], event["event_id"]) for event in found.events) == [
        ("u1", "e-2026-03-29-1"),
        ("u1", "e-2026-03-29-2"),
        ("u1", "e-2026-03-29-3"),
        ("u2", "g-2026-03-29-1"),
    ]
