from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import EVENTS, bucket_of
from pipeline.config import Config
from pipeline.errors import NightcastError
from pipeline.source import batch as batches
from pipeline.source.batch import QUARANTINED, Batch
from pipeline.source.reading import open_source

DAY = date(2026, 3, 29)
HEADER = "user,time,kind,item,value,note"
Configured = Callable[..., Config]


def known(*event_ids: str) -> pa.Table:
    return pa.table({"event_id": pa.array(event_ids, pa.string())})


def take(config: Config, *lines: str, header: str = HEADER, before: pa.Table | None = None) -> Batch:
    (config.root / f"{DAY}.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    with open_source(config, config.root / "spill") as source:
        found = source.read(DAY, known() if before is None else before)
    assert found is not None
    return found


def refused(batch: Batch) -> dict[int, str]:
    return dict(zip(batch.quarantined["row"].to_pylist(), batch.quarantined["rule"].to_pylist(), strict=True))


def test_a_row_becomes_an_event(configured: Configured) -> None:
    batch = take(configured(), "u1,2026-03-29 10:00:00,purchase,apple,2.55,hello")
    assert batch.accepted.schema == EVENTS
    (event,) = batch.accepted.drop_columns(["event_id"]).to_pylist()
    assert event == {
        "user_id": "u1",
        "event_time": datetime(2026, 3, 29, 8, tzinfo=UTC),
        "available_at": datetime(2026, 3, 29, 22, tzinfo=UTC),
        "event_type": "purchase",
        "item_id": "apple",
        "category": None,
        "value": 25_500,
        "session_id": None,
        "bucket": bucket_of("u1", 16),
    }


def test_each_rule_names_its_rows(configured: Configured) -> None:
    batch = take(
        configured(),
        "u1,2026-03-29 10:00:00,view,,,",
        ",2026-03-29 10:00:00,view,,,",
        "  ,2026-03-29 10:00:00,view,,,",
        f"{'u' * 257},2026-03-29 10:00:00,view,,,",
        "u\0v,2026-03-29 10:00:00,view,,,",
        "u1,,view,,,",
        "u1,29.3.2026,view,,,",
        "u1,2026-03-31 00:00:00,view,,,",
        "u1,2036-03-29 10:00:00,view,,,",
        "u1,1970-01-01 00:00:00,view,,,",
        "u1,2026-03-29 10:00:00,,,,",
        "u1,2026-03-29 10:00:00,click,,,",
        "u1,2026-03-29 10:00:00,view,,abc,",
        "u1,2026-03-29 10:00:00,view,,inf,",
        "u1,2026-03-29 10:00:00,view,,1e15,",
        "u1,2026-03-29 10:00:00",
        ",nonsense,click,,x,",
    )
    assert refused(batch) == {
        3: "user_id_missing",
        4: "user_id_missing",
        5: "user_id_too_long",
        6: "user_id_nul",
        7: "event_time_missing",
        8: "event_time_unreadable",
        9: "event_time_future",
        10: "event_time_future",
        11: "event_time_past",
        12: "event_type_missing",
        13: "event_type_unknown",
        14: "value",
        15: "value",
        16: "value",
        17: "line",
        18: "user_id_missing,event_time_unreadable,event_type_unknown,value",
    }
    assert batch.rows == 17
    assert batch.accepted.num_rows == 1


def test_every_broken_rule_is_said_with_its_value(configured: Configured) -> None:
    batch = take(configured(), "u1,soon,click,,abc,")
    (row,) = batch.quarantined.to_pylist()
    assert row["reason"] == (
        "event_time 'soon' is not a time such as 2026-01-31 08:30:00 or 2026-01-31T08:30:00Z; "
        "event_type 'click' is not one of view, purchase; value 'abc' is not a finite number that fits 64 bits of ten-thousandths"
    )
    assert json.loads(row["source_row"]) == {"user": "u1", "time": "soon", "kind": "click", "item": "", "value": "abc", "note": ""}


def test_the_latest_permitted_time_is_before_the_end_of_the_day_and_its_tolerance(configured: Configured) -> None:
    config = configured(validation={"future_tolerance_hours": 1})
    batch = take(config, "u1,2026-03-30 00:59:59.999999,view,,,", "u1,2026-03-30 01:00:00,view,,,")
    assert batch.accepted["event_time"].to_pylist() == [datetime(2026, 3, 29, 22, 59, 59, 999_999, tzinfo=UTC)]
    assert refused(batch) == {3: "event_time_future"}


def test_nothing_is_known_before_it_happened(configured: Configured) -> None:
    batch = take(configured(), "u1,2026-03-30 09:00:00,view,,,")
    assert batch.accepted["available_at"].to_pylist() == batch.accepted["event_time"].to_pylist()


def test_a_mapped_available_at_is_kept_and_defaults_to_the_end_of_the_day(configured: Configured) -> None:
    columns = {"user_id": "user", "event_time": "time", "event_type": "kind", "available_at": "note"}
    lines = ("a,2026-03-29 10:00:00,view,,,2026-03-29T08:05:00Z", "b,2026-03-29 10:00:00,view,,,", "c,2026-03-29 10:00:00,view,,,late")
    batch = take(configured(columns=columns), *lines)
    found = dict(zip(batch.accepted["user_id"].to_pylist(), batch.accepted["available_at"].to_pylist(), strict=True))
    assert found == {"a": datetime(2026, 3, 29, 8, 5, tzinfo=UTC), "b": datetime(2026, 3, 29, 22, tzinfo=UTC)}
    assert refused(batch) == {4: "available_at_unreadable"}


def test_events_of_earlier_days_are_late(configured: Configured) -> None:
    batch = take(configured(), "a,2026-03-29 00:00:00,view,,,", "b,2026-03-28 23:59:59,view,,,", "c,2026-03-01 10:00:00,view,,,")
    assert (batch.accepted.num_rows, batch.late) == (3, 2)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_23_or_25_hours_keeps_all_its_events(day: str, hours: int, configured: Configured) -> None:
    config = configured(validation={"future_tolerance_hours": 0}, time_zone="Europe/Berlin")
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() - (3600 if hours == 23 else 7200)
    times = [datetime.fromtimestamp(begin + 3600 * hour, UTC).isoformat() for hour in range(-1, hours + 1)]
    (config.root / f"{day}.csv").write_text("\n".join([HEADER, *(f"u,{time},view,,," for time in times)]) + "\n")
    with open_source(config, config.root / "spill") as source:
        batch = source.read(date.fromisoformat(day), known())
    assert batch is not None
    assert (batch.accepted.num_rows, batch.late) == (hours + 1, 1)
    assert refused(batch) == {hours + 3: "event_time_future"}


def test_identical_rows_count_once_and_the_first_stays(configured: Configured) -> None:
    line = "u1,2026-03-29 10:00:00,view,a,1,x"
    batch = take(configured(), line, line, "u1,2026-03-29 10:00:00,view,a,1,y", line)
    assert (batch.rows, batch.accepted.num_rows, batch.duplicates) == (4, 2, 2)


def test_refused_rows_are_no_duplicates_of_each_other(configured: Configured) -> None:
    line = ",2026-03-29 10:00:00,view,a,1,x"
    batch = take(configured(), line, line)
    assert (batch.quarantined.num_rows, batch.duplicates) == (2, 0)


def test_rows_delivered_on_a_day_before_are_duplicates(configured: Configured) -> None:
    first = take(configured(), "u1,2026-03-29 10:00:00,view,a,1,x")
    again = take(configured(), "u1,2026-03-29 10:00:00,view,a,1,x", "u2,2026-03-29 10:00:00,view,a,1,x", before=first.accepted)
    assert again.accepted["user_id"].to_pylist() == ["u2"]
    assert again.duplicates == 1


def test_kept_duplicates_get_a_number(configured: Configured) -> None:
    columns = {"user_id": "user", "event_time": "time", "event_type": "kind", "event_id": "note"}
    lines = [f"u1,2026-03-29 10:00:00,view,a,1,{note}" for note in ("e", "e", "f")]
    batch = take(configured(columns=columns, duplicates="keep"), *lines, before=known("e-1"))
    assert batch.accepted["event_id"].to_pylist() == ["e-1", "e-2", "f-1"]
    assert batch.duplicates == 0


def test_a_mapped_event_id_must_be_there(configured: Configured) -> None:
    columns = {"user_id": "user", "event_time": "time", "event_type": "kind", "event_id": "note"}
    batch = take(configured(columns=columns), "u1,2026-03-29 10:00:00,view,a,1,e", "u1,2026-03-29 10:00:00,view,a,1,")
    assert batch.accepted["event_id"].to_pylist() == ["e"]
    assert refused(batch) == {3: "event_id_missing"}


def test_the_digest_tells_rows_apart_whose_joined_text_is_equal(configured: Configured) -> None:
    time = "2026-03-29 10:00:00,view"
    batch = take(
        configured(), f'u,{time},"a,b",,c', f'u,{time},a,,"b,c"', f"u,{time},1:a,,", f"u,{time},,,1:a", f"u,{time},-,,", f"u,{time},,,-"
    )
    assert len(set(batch.accepted["event_id"].to_pylist())) == 6


def test_the_digest_does_not_depend_on_the_order_of_columns(configured: Configured) -> None:
    one = take(configured(), "u,2026-03-29 10:00:00,view,a,1,x")
    other = take(configured(), "x,1,a,view,2026-03-29 10:00:00,u", header="note,value,item,kind,time,user")
    assert one.accepted["event_id"] == other.accepted["event_id"]


def test_a_customer_number_must_be_whole(configured: Configured) -> None:
    columns = {"user_id": "integer(user)", "event_time": "time", "event_type": "kind"}
    batch = take(configured(columns=columns), *(f"{user},2026-03-29 10:00:00,view,,," for user in ("13798.0", "13798.5", "")))
    assert batch.accepted["user_id"].to_pylist() == ["13798"]
    assert refused(batch) == {3: "user_id_not_whole", 4: "user_id_missing"}


def test_events_are_sorted_and_bucketed(configured: Configured) -> None:
    users = ["emoji-👩‍👩‍👧", "ü", "z", "a", "🙂", "A", "user-1", "=cmd()|'x'!A1", "'; DROP TABLE raw; --"]
    lines = [f'"{user}",2026-03-29 1{hour}:00:00,view,,,' for hour in (5, 3) for user in users]
    batch = take(configured(), *lines)
    rows = batch.accepted.to_pylist()
    assert {row["user_id"]: row["bucket"] for row in rows} == {user: bucket_of(user, 16) for user in users}
    keys = [(row["bucket"], row["user_id"].encode(), row["event_time"], row["available_at"], row["event_id"]) for row in rows]
    assert keys == sorted(keys)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)
CELLS = st.tuples(
    TEXT,
    st.sampled_from(["2026-03-29 10:00:00", "2026-03-29T02:30:00", "2020-01-01", "", "x", "2099-01-01"]),
    st.sampled_from(["view", "purchase", "click", ""]),
    TEXT,
    st.sampled_from(["1", "-2.5", "", "x", "1e400"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(CELLS, max_size=12), duplicates=st.sampled_from(["drop", "keep"]))
def test_every_row_is_counted_once(configured: Configured, rows: list[tuple[str, ...]], duplicates: str) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in (*row, "n")) for row in rows]
    batch = take(configured(duplicates=duplicates), *lines)
    assert batch.rows == len(rows) == batch.accepted.num_rows + batch.quarantined.num_rows + batch.duplicates
    assert batch.quarantined.schema == QUARANTINED
    assert all(row["reason"] and row["rule"] for row in batch.quarantined.to_pylist())
    ids = batch.accepted["event_id"].to_pylist()
    assert len(ids) == len(set(ids))
    assert all(row["bucket"] == bucket_of(row["user_id"], 16) for row in batch.accepted.to_pylist())


def test_a_lost_row_is_an_error(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    original: Any = batches._quarantined
    monkeypatch.setattr(batches, "_quarantined", lambda names: original(names).replace("ORDER BY line", "AND line > 2 ORDER BY line"))
    with pytest.raises(NightcastError, match=r"2 rows became 0 accepted \+ 1 quarantined \+ 0 duplicates"):
        take(configured(), ",,,,,", ",,,,,")


def test_rows_of_one_day_do_not_reach_the_next(configured: Configured, tmp_path: Path) -> None:
    config = configured()
    with open_source(config, tmp_path / "spill") as source:
        (tmp_path / "2026-03-01.csv").write_text(f"{HEADER}\nu1,2026-03-01 10:00:00,view,a,1,x\n,,,,,\n")
        (tmp_path / "2026-03-02.csv").write_text("user,time,kind,item,value\nu2,2026-03-02 10:00:00,view,a,1\n")
        counts = [(found.rows, found.quarantined.num_rows) for day in (1, 2) if (found := source.read(date(2026, 3, day), known()))]
    assert counts == [(2, 1), (1, 0)]
