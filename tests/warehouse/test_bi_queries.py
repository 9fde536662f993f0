"""`docs/bi.md` is true: its login reads, its queries run, and PostgreSQL and DuckDB answer them alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.warehouse import Warehouse, open_warehouse
from pipeline.warehouse.readers import READABLE
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores, spending

PAGE = (Path(__file__).parents[2] / "docs" / "bi.md").read_text(encoding="utf-8")
LOGIN, *QUERIES = [text.strip().removesuffix(";") for text in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)]
NIGHTS = tuple(CUTOFF.plus_days(days) for days in range(3))
SUM = "spent_30d"
Row = tuple[object, ...]


def fill(config: Config) -> None:
    """Three nights of two targets, the first two realised; and what else a shop leaves."""
    with open_warehouse(config) as warehouse:
        for number, cutoff in enumerate(NIGHTS):
            rows, spent = scores(seed=number), spending(seed=number)
            warehouse.publish(rows, TARGET, cutoff, run_of(rows))
            warehouse.publish(spent, SUM, cutoff, run_of(spent, target_kind="sum"))
        for number, cutoff in enumerate(NIGHTS[:2]):
            came_true(warehouse, TARGET, cutoff, [4 - number, 2, 1, *[0] * 7], [None] * 10)
            came_true(warehouse, SUM, cutoff, [4, 3, *[0] * 8], [100.0, 20.5, *[0.0] * 8])
            warehouse.replace("model_quality", {"target": TARGET, "cutoff": cutoff.instant}, quality())
        drift = {"feature": ["days_since_purchase", "purchases_30d"], "psi": [0.3, 0.01], "status": ["drifted", "stable"]}
        warehouse.replace("feature_drift", {"cutoff": CUTOFF.instant}, pa.table(drift))
        counts = {name: [number] for number, name in enumerate(("late", "duplicates", "quarantined", "accepted", "rows"))}
        warehouse.replace("validation_runs", {"batch_date": date(2026, 3, 1)}, pa.table({**counts, "passed": [True]}))
        warehouse.publish(rows, TARGET, NIGHTS[-1], run_of(rows))  # the readers' copy holds what was there at the last publish


def came_true(warehouse: Warehouse, target: str, cutoff: Cutoff, events: list[int], values: list[float | None]) -> None:
    realised = {"realised_events": events, "realised_value": pa.array(values, pa.float64())}
    warehouse.replace(
        "decile_outcomes", {"target": target, "cutoff": cutoff.instant}, pa.table({"decile": range(1, 11), "users": [4] * 10, **realised})
    )


def quality() -> pa.Table:
    columns = {"model_version": ["4"], "slice": ["all"], "metric": ["auc"], "basis": ["realised"]}
    return pa.table({**columns, "value": [0.75], "lower": [0.7], "upper": [0.8], "rows": [40]})


@contextmanager
def analyst(config: Config) -> Iterator[psycopg.Connection]:
    """A connection of the login that the page makes."""
    with psycopg.connect(config.warehouse.url, autocommit=True) as owner:
        owner.execute(LOGIN)  # type: ignore[call-overload]
        try:
            with psycopg.connect(config.warehouse.url.replace("postgres:@", "analyst:@"), autocommit=True) as connection:
                yield connection
        finally:
            owner.execute("DROP ROLE analyst")


def in_postgresql(config: Config) -> list[list[Row]]:
    with analyst(config) as connection:
        return [connection.execute(query).fetchall() for query in QUERIES]  # type: ignore[call-overload]


def in_duckdb(config: Config) -> list[list[Row]]:
    with duckdb.connect(config.path("night_read.duckdb"), read_only=True) as connection:
        return [[tuple(row.values()) for row in connection.sql(query).to_arrow_table().to_pylist()] for query in QUERIES]


def plain(row: Row) -> Row:
    """Numbers of one kind, to twelve digits; instants in UTC."""
    return tuple(
        float(f"{value:.12g}")
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        else value.astimezone(UTC)
        if isinstance(value, datetime)
        else value
        for value in row
    )


def asked(answers: list[list[Row]], words: str) -> list[Row]:
    """The answer to the query below the line of the page with these words."""
    (place,) = (number for number, query in enumerate(QUERIES) if words in PAGE[: PAGE.index(query)].rstrip("`sql \n").rsplit("\n", 1)[-1])
    return [plain(row) for row in answers[place]]


@pytest.fixture
def answers(new_config: Callable[[str], Config]) -> list[list[Row]]:
    config = new_config("duckdb")
    fill(config)
    return in_duckdb(config)


def test_every_query_has_an_answer_and_both_engines_the_same(new_config: Callable[[str], Config], answers: list[list[Row]]) -> None:
    config = new_config("postgresql")
    fill(config)
    for query, one, other in zip(QUERIES, in_postgresql(config), answers, strict=True):
        assert one, query
        assert [plain(row) for row in one] == [plain(row) for row in other], query
    assert len(QUERIES) >= 12


def test_expected_stands_beside_realised_over_the_nights_that_are_known(answers: list[list[Row]]) -> None:
    rows = [row for row in asked(answers, "Did it come true?") if row[0] == TARGET]
    assert [(row[1], row[2], row[4]) for row in rows] == [
        (1, 8, 7 / 8),
        (2, 8, 0.5),
        (3, 8, 0.25),
        *[(tenth, 8, 0) for tenth in range(4, 11)],
    ]
    expected = sum(sorted(scores(seed=seed)["score"].drop_null().to_pylist())[-4:][place] for seed in (0, 1) for place in range(4))
    assert rows[0][3] == pytest.approx(expected / 8)


def test_the_first_tenth_has_its_share_of_the_events(answers: list[list[Row]]) -> None:
    rows = [row for row in asked(answers, "in the first tenth?") if row[0] == TARGET]
    assert [row[1:] for row in rows] == [plain((NIGHTS[0].instant, 4 / 7, 0.1)), plain((NIGHTS[1].instant, 3 / 6, 0.1))]


def test_revenue_is_expected_every_night_and_realised_where_it_is_known(answers: list[list[Row]]) -> None:
    rows = asked(answers, "expected revenue")
    assert [(row[0], row[3]) for row in rows] == [(NIGHTS[0].instant, 120.5), (NIGHTS[1].instant, 120.5), (NIGHTS[2].instant, None)]
    assert [row[2] for row in rows] == [pytest.approx(40 * pc.sum(scores(seed=seed)["score"]).as_py()) for seed in range(3)]


def test_who_rose_is_told_from_two_nights(answers: list[list[Row]]) -> None:
    percentiles = [
        dict(zip(rows["user_id"].to_pylist(), rows["percentile"].to_pylist(), strict=True)) for rows in (scores(seed=1), scores(seed=2))
    ]
    rise = {user: now - percentiles[0][user] for user, now in percentiles[1].items() if now is not None}
    best = sorted(rise, key=lambda user: (-rise[user], user))[:20]
    assert [(row[0], row[3]) for row in asked(answers, "Who rose most")] == [(user, rise[user]) for user in best]


def test_the_page_names_every_table_that_people_read() -> None:
    section = PAGE[PAGE.index("## What there is") : PAGE.index("## Questions")]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(READABLE)
