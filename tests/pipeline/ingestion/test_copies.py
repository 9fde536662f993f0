from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.ingestion.commit import commit
from pipeline.ingestion.copies import UNDATED, clear_undated, copy_uncommitted, mend_copies
from pipeline.ingestion.days import CommittedDays, partition
from pipeline.lake import Lake
from pipeline.source.batch import Batch
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.sql import SqlWarehouse
from tests.pipeline.ingestion.literal_batches import FIRST, batch, configuration, run_id


class Shop:
    """A lake and its warehouse."""

    def __init__(self, root: Path) -> None:
        self.config: Config = configuration(root)
        self.lake = Lake(self.config.lake_url)
        self._root, self._turn = root, 0

    def batch(self, run: int, day: date = FIRST, **made: Any) -> Batch:
        self._turn += 1
        return batch(self._root / f"batch-{self._turn}", day, run, **made)

    def commit(self, run: int, day: date = FIRST, **made: Any) -> None:
        commit(self.lake, self.batch(run, day, **made), expected=self.lake.version("events"), report_url=f"file:///{run}")

    def mend(self) -> int:
        return mend_copies(self.config, self.lake, CommittedDays(self.lake))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.config) as warehouse:
            return [tuple(row.values()) for row in warehouse.query(sql).to_pylist()]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


RUNS = "SELECT batch_date, run_id, rows, accepted, quarantined, passed FROM validation_runs ORDER BY batch_date"
REFUSED = "SELECT batch_date, row, rule FROM quarantined_events ORDER BY ALL"


def test_a_committed_day_is_copied_whole_and_once(shop: Shop) -> None:
    shop.commit(1, refused={2: "line", 7: "value"}, back=("u1",))
    assert [shop.mend(), shop.mend()] == [1, 0]
    with open_warehouse(shop.config) as warehouse:
        (run,) = warehouse.query("SELECT * FROM validation_runs").to_pylist()
        refused = warehouse.query("SELECT * FROM quarantined_events ORDER BY row").to_pylist()
    assert run == {
        "batch_date": FIRST,
        "rows": 4,
        "accepted": 2,
        "quarantined": 2,
        "duplicates": 0,
        "late": 0,
        "passed": True,
        "report_url": "file:///1",
        "run_id": run_id(1),
        "lake_version": 0,
        "readmitted": 1,
        "accepted_by_type": '{"view": 2}',
        "repeated_by_type": "{}",
    }
    assert refused[0] == {
        "batch_date": FIRST,
        "row": 2,
        "source_row": '{"user": "2"}',
        "reason": "broke line",
        "rule": "line",
        "quarantined_at": datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
        "stream": "events",
        "place": "2026-01-05.csv line 2",
    }
    assert [row["row"] for row in refused] == [2, 7]


def test_every_day_that_is_behind_is_copied_and_no_other(shop: Shop) -> None:
    for number in range(3):
        shop.commit(number, FIRST + timedelta(days=number), refused={2: "line"})
    assert shop.mend() == 3
    shop.commit(8, FIRST, users=("u9",), refused={})
    shop.commit(9, FIRST + timedelta(days=2), refused={5: "value"})
    assert shop.mend() == 2
    assert [row[1:4] for row in shop.rows(RUNS)] == [(run_id(8), 1, 1), (run_id(1), 3, 2), (run_id(9), 3, 2)]
    assert [(row[0].day, *row[1:]) for row in shop.rows(REFUSED)] == [(6, 2, "line"), (7, 5, "value")]


def test_a_run_that_was_refused_is_news_until_a_later_one_is_committed(shop: Shop) -> None:
    shop.commit(1)
    shop.mend()
    copy_uncommitted(shop.config, shop.batch(2, users=("u1",), refused={4: "value"}), report_url="file:///2")
    assert shop.mend() == 0
    assert shop.rows(RUNS) == [(FIRST, run_id(2), 2, 1, 1, False)]
    assert shop.rows(REFUSED) == [(FIRST, 4, "value")]
    shop.commit(3)
    assert shop.mend() == 1
    assert shop.rows(RUNS) == [(FIRST, run_id(3), 2, 2, 0, True)]
    assert shop.rows(REFUSED) == []


def test_of_two_runs_the_one_that_counts_is_copied_whichever_began_first(shop: Shop) -> None:
    shop.commit(5)
    shop.mend()
    shop.commit(4, users=("u7",))  # began before, committed after
    assert shop.mend() == 1
    assert shop.rows(RUNS)[0][1] == run_id(4)


def test_rows_from_before_runs_were_named_are_copied_anew(shop: Shop) -> None:
    shop.commit(1)
    old = {"rows": [9], "accepted": [9], "quarantined": [0], "duplicates": [0], "late": [0], "passed": [True]}
    with open_warehouse(shop.config) as warehouse:
        warehouse.replace("validation_runs", {"batch_date": FIRST}, pa.table(old))
    assert shop.mend() == 1
    assert shop.rows(RUNS)[0][1] == run_id(1)


def test_a_day_of_an_older_release_stays_as_it_was_copied(shop: Shop) -> None:
    part = shop.lake.write_part("events", partition(FIRST), "0f" * 16, EVENTS.empty_table())
    shop.lake.commit("events", EVENTS, partition(FIRST), [part], metadata={})
    assert shop.mend() == 0
    assert shop.rows(RUNS) == []


@pytest.mark.parametrize("table", ["quarantined_events", "validation_runs"])
def test_a_copy_that_was_cut_off_is_made_again(table: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.commit(1, refused={2: "line"})
    shop.mend()
    shop.commit(2, refused={3: "value"})
    dies_at(table, monkeypatch)
    with pytest.raises(ConnectionError):
        shop.mend()
    monkeypatch.undo()
    assert shop.rows(RUNS)[0][1] == run_id(1)
    assert shop.mend() == 1
    assert (shop.rows(RUNS)[0][1], shop.rows(REFUSED)) == (run_id(2), [(FIRST, 3, "value")])


def dies_at(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = SqlWarehouse.replace

    def replace(self: SqlWarehouse, name: str, *words: Any) -> None:
        if name == table:
            raise ConnectionError(name)
        original(self, name, *words)

    monkeypatch.setattr(SqlWarehouse, "replace", replace)


def test_undated_rows_are_shown_and_forgotten(shop: Shop) -> None:
    clear_undated(shop.config)
    copy_uncommitted(shop.config, shop.batch(1, UNDATED, users=(), refused={2: "event_time_missing"}), report_url=None)
    assert shop.rows(RUNS) == [(UNDATED, run_id(1), 1, 0, 1, False)]
    assert shop.mend() == 0
    clear_undated(shop.config)
    assert (shop.rows(RUNS), shop.rows(REFUSED)) == ([], [])


def test_a_lost_file_of_refused_rows_is_said_and_not_copied_as_none(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.commit(1, refused={2: "line"})
    shop.mend()
    shop.commit(2, refused={3: "value"})
    shop.lake.remove_file(f"refused/day={FIRST}/{run_id(2)}.parquet")
    shop.mend()
    assert shop.rows(REFUSED) == [(FIRST, 2, "line")]
    assert f"the lake has lost refused/day={FIRST}/{run_id(2)}.parquet" in caplog.text
