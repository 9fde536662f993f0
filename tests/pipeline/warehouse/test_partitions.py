"""PostgreSQL keeps each cutoff in partitions: first nights appear at once, old ones leave at once, readers never wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.warehouse import open_warehouse
from tests.faults.publisher import NEW, OLD, ended, night, started, whole
from tests.faults.publisher import publish as publish_run
from tests.pipeline.warehouse.test_retention import days, keeping, publish
from tests.warehouse.nights import CUTOFF, NEXT, TARGET

PARTS = """
SELECT c.relname AS name, coalesce(p.relname, '') AS parent, (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = c.oid) AS indexes,
  (SELECT count(*) FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks
FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS p ON p.oid = i.inhparent
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname ~ '^(user_scores|refused_users)' ORDER BY c.relname
"""


@pytest.fixture
def config(new_config: Callable[[str], Config]) -> Config:
    """An empty PostgreSQL warehouse."""
    return new_config("postgresql")


def parts(config: Config) -> list[tuple[str, str]]:
    """Every table that is or was a partition, with the table that it is one of; each has the key's index and no check left."""
    with open_warehouse(config) as warehouse:
        rows = warehouse.query(PARTS).to_pylist()
    assert {(row["indexes"], row["checks"]) for row in rows} <= {(1, 0)}
    return [(row["name"], row["parent"]) for row in rows]


def both(*cutoffs: Cutoff) -> list[tuple[str, str]]:
    return [(f"{table} {cutoff.key}", table) for table in ("refused_users", "user_scores") for cutoff in cutoffs]


def test_each_cutoff_has_its_partitions_whatever_the_targets(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        publish(warehouse, 0)
        publish(warehouse, 0, target='odd "name"; --')
        publish(warehouse, 1)
        publish(warehouse, 0, users=30)
        counts = warehouse.query("SELECT target, cutoff, count(*) AS n FROM user_scores GROUP BY 1, 2 ORDER BY 2, 1").to_pylist()
    assert parts(config) == both(CUTOFF, NEXT)
    assert [(row["target"], row["n"]) for row in counts] == [('odd "name"; --', 20), (TARGET, 30), (TARGET, 20)]


def test_a_first_night_appears_beside_one_who_reads(config: Config) -> None:
    with open_warehouse(config, patience=2) as warehouse, psycopg.connect(config.warehouse.url) as reader:
        publish(warehouse, 0)
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute("SELECT count(*) FROM user_scores").fetchall() == [(20,)]
        publish(warehouse, 1)
        assert reader.execute("SELECT count(*) FROM user_scores").fetchall() == [(20,)]
        reader.rollback()
        assert reader.execute("SELECT count(*) FROM user_scores").fetchall() == [(40,)]


def test_two_targets_may_have_their_first_night_at_one_cutoff_at_once(config: Config) -> None:
    targets = [f"target_{n}" for n in range(4)]

    def one(target: str) -> None:
        with open_warehouse(config) as warehouse:
            publish(warehouse, 0, users=500, target=target)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, targets))
    with open_warehouse(config) as warehouse:
        found = warehouse.query("SELECT target, count(*) AS n FROM user_scores GROUP BY 1 ORDER BY 1").to_pylist()
    assert found == [{"target": target, "n": 500} for target in targets]
    assert parts(config) == both(CUTOFF)


def test_the_latest_scores_are_read_without_the_nights_before(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        for day in range(5):
            publish(warehouse, day, users=300)
        publish(warehouse, 3, users=200, target="churn_28d")
        for plan in ("hashjoin", "nestloop"):
            for text in ("ANALYZE", f"SET enable_{plan} = off"):
                warehouse.execute(text)  # type: ignore[attr-defined]
            assert warehouse.query("SELECT target, count(*) AS n FROM user_scores_latest GROUP BY 1 ORDER BY 1")["n"].to_pylist() == [
                200,
                300,
            ]
            steps = warehouse.query("EXPLAIN (ANALYZE) SELECT * FROM user_scores_latest")["QUERY PLAN"].to_pylist()
            read = {step.partition('"user_scores ')[2][:8] for step in steps if '"user_scores ' in step and "never executed" not in step}
            assert read & {"20260302", "20260303", "20260304"} == set()
            assert "20260306" in read
            warehouse.execute(f"SET enable_{plan} = on")  # type: ignore[attr-defined]


def test_several_publish_and_drop_while_people_read(config: Config) -> None:
    kept, done, torn = keeping(config, 2), threading.Event(), []

    def publish_days(target: str) -> None:
        for day in range(8):
            with open_warehouse(kept) as warehouse:
                publish(warehouse, day, users=200, target=target)

    def read() -> None:
        with psycopg.connect(config.warehouse.url, autocommit=True) as connection:
            while not done.is_set():
                torn.extend(connection.execute("SELECT target, cutoff FROM user_scores GROUP BY 1, 2 HAVING count(*) <> 200").fetchall())

    with open_warehouse(kept), ThreadPoolExecutor(4) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(publish_days, f"target_{n}") for n in range(3)]
        try:
            for writer in writers:
                writer.result()
        finally:
            done.set()
        reader.result()
    assert torn == []
    assert parts(config) == both(*(CUTOFF.plus_days(day) for day in (5, 6, 7)))


OWN, PARTITIONS = "pipeline.warehouse.postgresql:PostgreSQLWarehouse", "pipeline.warehouse.partitions"


@pytest.mark.parametrize("step", [f"{OWN}.append:after:1", f"{PARTITIONS}:load:after:2", f"{OWN}.commit:before"])
def test_a_first_night_killed_at_a_step_leaves_nothing(config: Config, step: str) -> None:
    with open_warehouse(config):
        pass
    assert ended(started(config, {"run-1": NEW}, die_at=step)) == -9
    assert night(config) == {"user_scores": 0, "refused_users": 0, "score_runs": 0, "runs": []}
    assert parts(config) == []
    publish_run(config, OLD, "run-2")
    assert night(config) == whole(OLD, "run-2")


@pytest.mark.parametrize(
    "step",
    [
        f"{OWN}.drop_before:before",
        f"{PARTITIONS}:_take_out:after:1",
        f"{PARTITIONS}:_drop_left:after:1",
        f"{PARTITIONS}:_drop_left:after:2",
    ],
)
def test_a_publish_killed_while_old_nights_leave_is_ended_by_the_next(config: Config, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    with open_warehouse(config) as warehouse:
        for day in (-9, -8, -7):
            publish(warehouse, day)
    monkeypatch.setenv("NIGHTCAST__WAREHOUSE__KEEP_DAYS", "5")
    assert ended(started(config, {"run-1": OLD}, die_at=step)) == -9
    publish_run(keeping(config, 5), NEW, "run-2")
    assert night(config) == whole(NEW, "run-2")
    assert parts(config) == both(CUTOFF)


def test_one_who_reads_an_old_night_for_long_keeps_it_until_the_next_publish(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    kept = keeping(config, 5)
    with open_warehouse(config) as warehouse:
        publish(warehouse, 0)
    with psycopg.connect(config.warehouse.url) as reader, open_warehouse(kept, patience=0.3) as warehouse:
        reader.execute("SELECT * FROM user_scores LIMIT 1")
        with caplog.at_level(logging.WARNING):
            publish(warehouse, 10)
        assert "nights before 2026-03-07T00:00:00Z are not dropped yet" in caplog.messages[-1]
        assert days(warehouse, "score_runs") == [10]
        assert days(warehouse) == [10], "a night that is leaving is still read"
        assert reader.execute("SELECT count(*) FROM user_scores").fetchall()[0][0] >= 20
    with open_warehouse(kept) as warehouse:
        publish(warehouse, 10)
    assert parts(config) == both(CUTOFF.plus_days(10))


def test_a_night_that_was_leaving_can_be_published_again(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        publish(warehouse, 0)
    with psycopg.connect(config.warehouse.url) as reader, open_warehouse(keeping(config, 5), patience=0.3) as warehouse:
        reader.execute("SELECT * FROM user_scores LIMIT 1")
        publish(warehouse, 10)
    with open_warehouse(config) as warehouse:
        publish(warehouse, 0, users=25)
        assert days(warehouse) == [0, 10]
    assert parts(config) == both(CUTOFF, CUTOFF.plus_days(10))
