from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError
from tests.pipeline.source.judged import NAMES, TIME, delivery, judge, row

Configured = Callable[..., Config]
TYPED = {"user_id": "user", "event_time": "time", "event_type": "kind"}


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_a_whole_row_is_digested_by_column_name(configured: Configured) -> None:
    names = ("b", "user", "time", "kind")
    config = configured(columns=TYPED)
    (found,) = judge(config, delivery(("é", "u1", TIME, "view"), names=names)).column("event_id")
    assert found == md5(f"2:é,4:view,19:{TIME},2:u1")
    (found,) = judge(config, delivery((None, "u1", TIME, "view"), names=names)).column("event_id")
    assert found == md5(f"-,4:view,19:{TIME},2:u1")


def test_the_digest_tells_rows_apart_whose_joined_text_is_equal(configured: Configured) -> None:
    tails = [
        ("a,b", "", "c"),
        ("a", "", "b,c"),
        ("1:a", "", ""),
        ("", "", "1:a"),
        ("-", "", ""),
        ("", "", "-"),
        (None, "", ""),
        ("", "", None),
    ]
    found = judge(configured(columns=TYPED), delivery(*(("u", TIME, "view", *tail) for tail in tails)))
    assert len(set(found.column("event_id"))) == len(tails)


def test_the_digest_does_not_depend_on_the_order_of_columns(configured: Configured) -> None:
    cells = row("u", TIME, "view", "a", "1", "x")
    one = judge(configured(), delivery(cells))
    other = judge(configured(), delivery(tuple(reversed(cells)), names=tuple(reversed(NAMES))))
    assert one.column("event_id") == other.column("event_id")


def test_a_json_line_is_its_own_digest(configured: Configured) -> None:
    found = judge(configured(columns=TYPED), delivery(row("u1"), texts={2: '{"user": "u1"}'}, header=False))
    assert found.column("event_id") == [md5('{"user": "u1"}')]


def test_a_mapped_id_is_kept(configured: Configured) -> None:
    found = judge(configured(columns={**TYPED, "event_id": "note"}), delivery(row("u1", TIME, "view", "", "", "e1")))
    assert found.column("event_id") == ["e1"]


def test_a_key_counts_by_what_it_means(configured: Configured) -> None:
    config = configured(columns={**TYPED, "value": "value", "item_id": "item"}, key=["event_time", "value", "item_id"])
    same = [row("u1", TIME, "view", "a", "1", "x"), row("u1", "2026-03-29T08:00:00Z", "purchase", "a", "1.00", "y")]
    other = [
        row("u1", TIME, "view", "a", "2"),
        row("u1", TIME, "view", "b", "1"),
        row("u1", TIME, "view", None, "1"),
        row("u2", TIME, "view", "a", "1"),
    ]
    found = judge(config, delivery(*same, *other))
    assert (found.record.accepted, found.record.duplicates) == (5, 1)
    assert md5("16:1774771200000000,1:a,5:10000") in found.column("event_id")


def test_a_declared_key_goes_before_a_mapped_id(configured: Configured) -> None:
    columns = {**TYPED, "event_id": "note", "item_id": "item"}
    rows = [row("u1", TIME, "view", "a", "", note) for note in ("e1", "e2")]
    assert judge(configured(columns=columns, key=["item_id"]), delivery(*rows)).record.duplicates == 1
    assert judge(configured(columns=columns, key=["event_id"]), delivery(*rows)).column("event_id") == ["e1", "e2"]


def test_a_key_of_unmapped_columns_is_refused(configured: Configured) -> None:
    with pytest.raises(ConfigError, match=r"source\.key names available_at, session_id, which source\.columns does not map"):
        judge(configured(columns=TYPED, key=["session_id", "available_at", "user_id"]), delivery(row("u1")))


def test_equal_rows_of_two_streams_are_two_events_unless_their_ids_are_mapped(configured: Configured) -> None:
    def streams(columns: dict[str, str]) -> Config:
        return configured(streams={name: {"files": name + "{date}.csv", "columns": columns} for name in ("web", "till")})

    cells = row("u1", TIME, "view", "", "", "e1")
    both = [delivery(cells, stream=name) for name in ("web", "till")]
    found = judge(streams(TYPED), *both)
    assert (found.record.accepted, len(set(found.column("event_id")))) == (2, 2)
    both = [delivery(cells, stream=name) for name in ("web", "till")]
    found = judge(streams({**TYPED, "event_id": "note"}), *both)
    assert (found.record.accepted, found.record.duplicates) == (1, 1)
