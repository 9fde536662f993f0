from __future__ import annotations

from datetime import date

import duckdb

from features.cutoff import local_midnight
from pipeline.source.mapping import Column, Integer
from pipeline.source.rules import Rule, any_broken, broken_rules, rules

END = local_midnight(date(2026, 3, 30), "UTC")


def names(**extra: object) -> list[str]:
    expressions = {"user_id": Column("u"), "event_time": Column("t"), "event_type": Column("k"), **extra}
    return [rule.name for rule in rules(expressions, {"u": 0, "t": 1, "k": 2, "n": 3}, ["view"], END)]  # type: ignore[arg-type]


def test_names_are_unique() -> None:
    assert len(set(names(item_id=Integer(Column("n"))))) == len(names(item_id=Integer(Column("n"))))


def test_whole_numbers_and_event_ids_have_rules_only_where_mapped() -> None:
    assert set(names(item_id=Integer(Column("n")))) - set(names(item_id=Column("n"))) == {"item_id_not_whole"}
    assert set(names(event_id=Column("n"))) - set(names()) == {"event_id_missing", "event_id_too_long", "event_id_nul"}
    assert set(names(available_at=Column("n"))) - set(names()) == {"available_at_unreadable", "available_at_future"}


def test_a_row_breaks_the_rules_that_are_true_and_a_faulty_line_only_its_own() -> None:
    found = [Rule("big", "x > 10", "'x is ' || x"), Rule("odd", "x % 2 = 1", "'x is odd'"), Rule("null", "x > NULL", "'never'")]
    rows = "(VALUES (1, 11, NULL), (2, 4, NULL), (3, 11, 'torn')) AS t(id, x, fault)"
    with duckdb.connect() as connection:
        broken = connection.execute(f"SELECT {broken_rules(found)} FROM {rows} ORDER BY id").fetchall()
        flags = connection.execute(f"SELECT {any_broken(found)} FROM {rows} ORDER BY id").fetchall()
    assert flags == [(True,), (False,), (True,)]
    assert [row[0] for row in broken] == [
        [{"rule": "big", "reason": "x is 11"}, {"rule": "odd", "reason": "x is odd"}],
        [],
        [{"rule": "line", "reason": "torn"}],
    ]
