"""A night is published whole, once, or not at all, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import PublishRefused
from pipeline.warehouse import Warehouse, open_warehouse
from pipeline.warehouse.tables import USER_SCORES
from tests.warehouse.engines import ENGINES
from tests.warehouse.nights import CUTOFF, NEXT, SCORED_AT, TARGET, run_of, scores, spending, with_column

TRICKY = ["'; DROP TABLE user_scores; --", '"', "🛒", "", "NULL", "\\N", "\\.", "a,b", "line\nbreak", "\ttab", "ß", "=cmd()", "%s", "$1"]


def publish(warehouse: Warehouse, rows: pa.Table, cutoff: Cutoff = CUTOFF, target: str = TARGET, **run: str) -> None:
    warehouse.publish(rows, target, cutoff, run_of(rows, **run))


def one(warehouse: Warehouse, sql: str, *parameters: object) -> Any:
    return warehouse.query(sql, parameters).column(0)[0].as_py()


def test_the_rows_that_were_scored_are_the_rows_that_are_read(config: Config) -> None:
    rows = scores()
    with open_warehouse(config) as warehouse:
        publish(warehouse, rows)
        found = warehouse.query("SELECT * FROM user_scores").sort_by("user_id")
    assert found.column_names == list(USER_SCORES.names)
    assert found.schema.types == USER_SCORES.arrow.types
    scored = rows.slice(0, 40)
    for name in set(scored.column_names) - {"refused_reason"}:
        assert found[name].to_pylist() == scored[name].to_pylist(), name
    assert set(found["target"].to_pylist()) == {TARGET}
    assert set(found["cutoff"].to_pylist()) == {CUTOFF.instant}
    assert found["expected_value"].null_count == found["unit"].null_count == 40


def test_refused_users_and_the_run_are_published_with_the_scores(config: Config) -> None:
    rows = scores(40, 3)
    with open_warehouse(config) as warehouse:
        publish(warehouse, rows)
        refused = warehouse.query("SELECT user_id, reason FROM refused_users ORDER BY user_id").to_pylist()
        run = warehouse.query("SELECT * FROM score_runs").to_pylist()
        checksum = warehouse.checksum(TARGET, CUTOFF)
    assert refused == [{"user_id": f"r0000{n}", "reason": "no visible event"} for n in range(3)]
    assert run == [
        {
            "target": TARGET,
            "cutoff": CUTOFF.instant,
            "model_name": "nightcast.purchase_7d",
            "model_version": "4",
            "eligible": 43,
            "scored": 40,
            "refused": 3,
            "checksum": checksum,
            "started_at": SCORED_AT.replace(minute=0, second=0, microsecond=0),
            "finished_at": SCORED_AT.replace(minute=6, second=0, microsecond=250_000),
            "lake_version": 12,
            "run_id": "run-1",
        }
    ]


def test_publishing_the_same_scores_again_leaves_the_same_checksum(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores())
        first = warehouse.checksum(TARGET, CUTOFF)
        publish(warehouse, scores(run_id="run-2"), run_id="run-2")
        assert warehouse.checksum(TARGET, CUTOFF) == first
        assert one(warehouse, "SELECT count(*) FROM user_scores") == 40
        assert warehouse.query("SELECT DISTINCT run_id FROM user_scores").to_pylist() == [{"run_id": "run-2"}]


def test_a_rerun_replaces_the_night_and_nothing_else(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores(40, 3))
        publish(warehouse, scores(40, 3), NEXT)
        publish(warehouse, scores(40, 3), target="churn_28d")
        others = warehouse.checksum(TARGET, NEXT), warehouse.checksum("churn_28d", CUTOFF)
        publish(warehouse, scores(25, 5, seed=2, run_id="run-2"), run_id="run-2")
        counts = warehouse.query("SELECT target, cutoff, scored, refused FROM score_runs ORDER BY target DESC, cutoff").to_pylist()
        assert [(row["scored"], row["refused"]) for row in counts] == [(25, 5), (40, 3), (40, 3)]
        assert one(warehouse, "SELECT count(*) FROM user_scores WHERE target = $1 AND cutoff = $2", TARGET, CUTOFF.instant) == 25
        assert one(warehouse, "SELECT count(*) FROM refused_users WHERE target = $1 AND cutoff = $2", TARGET, CUTOFF.instant) == 5
        assert (warehouse.checksum(TARGET, NEXT), warehouse.checksum("churn_28d", CUTOFF)) == others


def test_replacing_a_night_many_times_in_one_connection_keeps_its_key_intact(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        for turn in range(6):
            publish(warehouse, scores(300 - turn, turn, seed=turn))
        assert one(warehouse, "SELECT count(*) FROM user_scores") == 295
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores(300, 0, seed=0))
        assert one(warehouse, "SELECT count(DISTINCT user_id) FROM user_scores") == 300


def test_an_older_cutoff_published_later_leaves_the_newest_on_top(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores(10, 0), NEXT)
        publish(warehouse, scores(20, 0, seed=2), CUTOFF)
        publish(warehouse, scores(30, 0, seed=3), CUTOFF, "churn_28d")
        latest = warehouse.query("SELECT target, cutoff, count(*) AS users FROM user_scores_latest GROUP BY 1, 2 ORDER BY 1").to_pylist()
        columns = warehouse.query("SELECT * FROM user_scores_latest").column_names
    assert latest == [
        {"target": "churn_28d", "cutoff": CUTOFF.instant, "users": 30},
        {"target": TARGET, "cutoff": NEXT.instant, "users": 10},
    ]
    assert columns == list(USER_SCORES.names)


def test_deciles_count_users_and_sum_their_scores(config: Config) -> None:
    rows = scores(40, 3)
    with open_warehouse(config) as warehouse:
        publish(warehouse, rows)
        deciles = warehouse.query("SELECT * FROM score_deciles ORDER BY decile")
    assert deciles["decile"].to_pylist() == list(range(1, 11))
    assert deciles["users"].to_pylist() == [4] * 10
    assert pc.sum(deciles["expected_events"]).as_py() == pytest.approx(pc.sum(rows["score"]).as_py())


def outcomes(users: int = 4, value: float | None = None) -> pa.Table:
    """Decile n came true for n of its users."""
    values = pa.array([value] * 10, pa.float64())
    return pa.table({"decile": range(1, 11), "users": [users] * 10, "realised_events": range(1, 11), "realised_value": values})


def test_deciles_say_what_came_true_once_it_is_known(config: Config) -> None:
    realised = "SELECT realised_events, realised_value FROM score_deciles WHERE cutoff = $1 ORDER BY decile"
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores(40, 3))
        publish(warehouse, scores(40, 3), NEXT)
        warehouse.replace("decile_outcomes", {"target": TARGET, "cutoff": CUTOFF.instant}, outcomes(value=2.5))
        known = warehouse.query(realised, [CUTOFF.instant]).to_pylist()
        open_still = warehouse.query(realised, [NEXT.instant]).to_pylist()
    assert known == [{"realised_events": n, "realised_value": 2.5} for n in range(1, 11)]
    assert open_still == [{"realised_events": None, "realised_value": None}] * 10


def test_what_came_true_stays_with_the_scores_it_was_counted_for(config: Config) -> None:
    count = "SELECT count(*) FROM decile_outcomes WHERE cutoff = $1"
    with open_warehouse(config) as warehouse:
        for cutoff in (CUTOFF, NEXT):
            publish(warehouse, scores(40, 3), cutoff)
            warehouse.replace("decile_outcomes", {"target": TARGET, "cutoff": cutoff.instant}, outcomes())
        publish(warehouse, scores(40, 3, run_id="run-2"), run_id="run-2")
        assert one(warehouse, count, CUTOFF.instant) == 10
        publish(warehouse, scores(40, 3, seed=2))
        assert [one(warehouse, count, cutoff.instant) for cutoff in (CUTOFF, NEXT)] == [0, 10]


REFUSALS: dict[str, tuple[Callable[[], pa.Table], dict[str, str], str]] = {
    "a score of none": (lambda: with_column(scores(), "score", [None]), {}, r"user_scores\.score is null in 1 of 40 rows"),
    "a user twice": (lambda: with_column(scores(), "user_id", ["u00001"]), {}, r"repeat a key|duplicate key"),
    "a number that is none": (scores, {"lake_version": "none"}, r"have lake_version = 'none'"),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_night_that_does_not_fit_the_tables_leaves_the_old_one_as_it_was(config: Config, reason: str) -> None:
    wrong, run, message = REFUSALS[reason]
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores(30, 2, seed=9))
        before = {
            name: warehouse.query(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in ("user_scores", "refused_users", "score_runs")
        }
        with pytest.raises(PublishRefused, match=message):
            publish(warehouse, wrong(), run_id="run-2", **run)
        assert {name: warehouse.query(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in before} == before


def test_rows_that_do_not_land_roll_the_night_back(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_warehouse(config) as warehouse:
        publish(warehouse, scores(30, 2, seed=9))
        before = warehouse.checksum(TARGET, CUTOFF)
        whole = type(warehouse).append
        monkeypatch.setattr(type(warehouse), "append", lambda self, table, rows: whole(self, table, rows.slice(1)))
        with pytest.raises(PublishRefused, match=r"39 rows .* landed in user_scores, 40 were sent"):
            publish(warehouse, scores(40, 2))
        monkeypatch.undo()
        assert warehouse.checksum(TARGET, CUTOFF) == before
        publish(warehouse, scores(40, 2))
        assert one(warehouse, "SELECT count(*) FROM user_scores") == 40


def test_expected_values_and_their_unit_are_read_as_they_were_scored(config: Config) -> None:
    rows = spending(40, 3, unit="£ a month")
    with open_warehouse(config) as warehouse:
        publish(warehouse, rows)
        found = warehouse.query("SELECT expected_value, unit FROM user_scores_latest ORDER BY user_id").to_pylist()
        with_values = warehouse.checksum(TARGET, CUTOFF)
        by_decile = warehouse.query("SELECT expected_value FROM score_deciles")["expected_value"].to_pylist()
        publish(warehouse, scores(40, 3))
        assert warehouse.checksum(TARGET, CUTOFF) != with_values
    assert [row["expected_value"] for row in found] == rows["expected_value"].to_pylist()[:40]
    assert {row["unit"] for row in found} == {"£ a month"}
    assert sum(by_decile) == pytest.approx(sum(row["expected_value"] for row in found))


def test_names_and_texts_are_values_whatever_they_contain(config: Config) -> None:
    rows = with_column(with_column(scores(40, 0), "user_id", list(TRICKY)), "reason_1", list(TRICKY))
    target = "x'; DROP TABLE score_runs; --\""
    with open_warehouse(config) as warehouse:
        publish(warehouse, rows, target=target)
        found = warehouse.query("SELECT user_id, reason_1 FROM user_scores WHERE target = $1", [target]).to_pylist()
        texts = {row["user_id"]: row["reason_1"] for row in found}
        assert {name: texts[name] for name in TRICKY} == {name: name for name in TRICKY}
        assert one(warehouse, "SELECT count(*) FROM score_runs WHERE target = $1", target) == 1
        assert warehouse.checksum("'; DROP TABLE user_scores; --", CUTOFF) == warehouse.checksum("nobody", NEXT)
        publish(warehouse, rows, target=target)
        assert one(warehouse, "SELECT count(*) FROM user_scores") == 40


def test_text_that_one_engine_cannot_hold_is_refused_by_all(config: Config) -> None:
    with open_warehouse(config) as warehouse, pytest.raises(PublishRefused, match=r"user_scores\.user_id holds text with a NUL"):
        publish(warehouse, with_column(scores(), "user_id", ["nul\0"]))


def test_both_engines_hold_the_same_night_under_the_same_checksum(new_config: Callable[[str], Config]) -> None:
    rows = with_column(with_column(scores(2_000, 7), "user_id", list(TRICKY)), "raw_score", [-0.0, 1e-300, 1e22, 0.1 + 0.2, 5e-324])
    shuffled = rows.take(pa.array(list(reversed(range(len(rows))))))
    digests = set()
    for engine, order in zip(ENGINES, (rows, shuffled), strict=True):
        with open_warehouse(new_config(engine)) as warehouse:
            publish(warehouse, order)
            digests |= {warehouse.checksum(TARGET, CUTOFF), warehouse.query("SELECT checksum FROM score_runs")["checksum"][0].as_py()}
    assert len(digests) == 1


def test_another_score_is_another_checksum(config: Config) -> None:
    rows = scores()
    nudged = with_column(rows, "score", [rows["score"][0].as_py() + 2.0**-53])
    with open_warehouse(config) as warehouse:
        publish(warehouse, rows)
        before = warehouse.checksum(TARGET, CUTOFF)
        publish(warehouse, nudged)
        assert warehouse.checksum(TARGET, CUTOFF) != before
