from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import IDENTITY
from pipeline.config import Config
from pipeline.validation import buffered_duckdb
from pipeline.validation.facts import Counted
from pipeline.validation.requirement import REPEATED, Requirement
from pipeline.validation.stage import Stage
from pipeline.validation.suite import END as LAST
from pipeline.validation.suite import requirements
from tests.pipeline.validation.day_of_events import END, MORNING, events


@contextmanager
def opened(folder: Path, required: Sequence[Requirement]) -> Iterator[tuple[Stage, sa.Engine]]:
    buffered_duckdb.register()
    engine = sa.create_engine(f"{buffered_duckdb.URL}:memory:{folder.parent.name}")
    stage = Stage(engine, folder, required, IDENTITY)
    try:
        yield stage, engine
    finally:
        stage.close()
        engine.dispose()


def count(config: Config, folder: Path, table: pa.Table) -> Counted:
    pq.write_table(table, folder / "events.parquet", row_group_size=3)
    with opened(folder, requirements(config)) as (stage, _):
        return stage.count(folder / "events.parquet", {LAST: END.micros})


NULL = [None, "x", "y", "z"]


@pytest.mark.parametrize(
    ("changed", "fact", "found"),
    [
        ({}, "accepted_rows", 4),
        ({"event_id": NULL}, "wrong_event_id", 1),
        ({"user_id": NULL}, "wrong_user_id", 1),
        ({"event_time": [None, MORNING, MORNING, MORNING]}, "wrong_event_time", 1),
        ({"event_time": [MORNING, MORNING, END.instant - timedelta(microseconds=1), END.instant]}, "wrong_event_time", 1),
        ({"event_time": [MORNING, MORNING, MORNING, MORNING - timedelta(days=365 * 60)]}, "wrong_event_time", 1),
        ({"available_at": [None, MORNING, END.instant, END.instant]}, "wrong_available_at", 2),
        (
            {"available_at": [END.instant.replace(year=2099, month=12, day=31), *[END.instant.replace(year=2100)] * 3]},
            "wrong_available_at",
            3,
        ),
        ({"event_type": [None, "view", "view", "click"]}, "wrong_event_type", 2),
        ({"bucket": [None, -1, 16, 15]}, "wrong_bucket", 3),
        ({"value": [None, -(2**63), 2**63 - 1, 0]}, "wrong_value", 0),
        ({"user_id": ["é" * 256, "é" * 257, "a", "b"]}, "long_texts", 1),
        ({"item_id": ["a" * 1025, "b" * 1024, None, None]}, "long_texts", 1),
        ({"event_id": ["a", "a", "a", "b"], "user_id": ["u", "u", "v", "u"]}, REPEATED, 1),
        ({"event_id": ["a", "a", "a", "a"], "user_id": ["u"] * 4}, REPEATED, 3),
        ({"event_id": ["ab", "a", "b", "c"], "user_id": ["u", "bu", "u", "u"]}, REPEATED, 0),
        ({"event_id": [None, None, "b", "c"], "user_id": ["u"] * 4}, REPEATED, 1),
        ({"item_id": [None, None, None, "apple"]}, "null_share_of_item_id", 0.75),
        ({"event_type": ["purchase", "view", "purchase", "view"]}, "recent_purchase", 2),
        ({}, "recent_any", 4),
    ],
)
def test_each_count(changed: dict[str, list[Any]], fact: str, found: float, configured: Callable[..., Config], staging: Path) -> None:
    assert count(configured(max_null_share={"item_id": 0.5}), staging, events(**changed))[fact] == found


def test_the_newest_event_is_an_instant_in_microseconds(configured: Callable[..., Config], staging: Path) -> None:
    newest = count(configured(), staging, events())["hours_since_the_newest_event"]
    assert newest == int((MORNING + timedelta(minutes=3)).timestamp()) * 1_000_000


def test_nothing_is_counted_of_a_file_without_events(configured: Callable[..., Config], staging: Path) -> None:
    found = count(configured(), staging, events(0))
    assert (found["accepted_rows"], found["wrong_user_id"], found["hours_since_the_newest_event"]) == (0, 0, None)


def test_equal_hashes_of_different_events_are_no_repetition(configured: Callable[..., Config], staging: Path) -> None:
    """Hashes of 64 bits are equal only by an attack or once in ages: here all of them are."""
    required = [Requirement(REPEATED, "", "count(*) - 1", most=0)]
    pq.write_table(events(), staging / "events.parquet")
    with opened(staging, required) as (stage, _):
        assert stage.count(staging / "events.parquet", {LAST: END.micros}) == {REPEATED: 0}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abcde")), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_counts_do_not_depend_on_the_order_of_the_rows(
    pairs: list[tuple[str, str]], seed: int, configured: Callable[..., Config], staging: Path
) -> None:
    table = events(len(pairs), user_id=[user for user, _ in pairs], event_id=[event for _, event in pairs])
    order = random.Random(seed).sample(range(len(pairs)), len(pairs))
    found = count(configured(), staging, table)
    assert found == count(configured(), staging, table.take(order))
    assert found[REPEATED] == len(pairs) - len(set(pairs))


def test_the_facts_of_a_day_replace_those_of_the_day_before(staging: Path) -> None:
    required = [Requirement("a", "", most=0), Requirement("b", "", most=0)]
    with opened(staging, required) as (stage, engine), engine.connect() as connection:
        stage.store({"a": 1, "b": 0.25})
        stage.store({"a": 2})
        assert [tuple(row) for row in connection.exec_driver_sql("FROM facts")] == [(2.0, None)]


def test_memory_is_limited_and_spills_to_the_folder(staging: Path) -> None:
    with opened(staging, []) as (_, engine), engine.connect() as connection:
        (found,) = connection.exec_driver_sql("SELECT current_setting('memory_limit'), current_setting('temp_directory')")
    assert tuple(found) == ("192.0 MiB", str(staging))
