from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import clock, overview
from pipeline.config import load
from pipeline.warehouse import open_warehouse

TEXT = """
[source]
files = "events/{date}.csv"
event_types = ["buy"]
columns = { user_id = "u", event_time = "t", event_type = "k" }
[targets.buy_7d]
kind = "occurs"
event_type = "buy"
horizon_days = 7
"""
NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)


def batch(passed: bool) -> pa.Table:
    return pa.table(
        {"rows": [10], "accepted": [7], "quarantined": [2], "duplicates": [1], "late": [3], "passed": [passed], "report_url": ["file:///x"]}
    )


def test_a_new_project_has_nothing_to_show(tmp_path: Path) -> None:
    (tmp_path / "nightcast.toml").write_text(TEXT, encoding="utf-8")
    found = overview.status(load(tmp_path / "nightcast.toml"))
    assert found["days ingested"] == 0
    assert found["newest day"] is None
    assert found["champions"] == [{"target": "buy_7d", "version": None, "kind": None}]
    assert found["score runs"] == []


def test_days_that_failed_the_gate_do_not_count_and_runs_have_an_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nightcast.toml").write_text(TEXT, encoding="utf-8")
    config = load(tmp_path / "nightcast.toml")
    run = {
        "model_name": ["gbdt"],
        "model_version": ["1"],
        "run_id": ["r"],
        "eligible": [5],
        "scored": [5],
        "refused": [0],
        "checksum": ["c"],
        "started_at": [NOW],
        "finished_at": [NOW - timedelta(hours=2)],
        "lake_version": [0],
    }
    with open_warehouse(config) as warehouse:
        warehouse.replace("validation_runs", {"batch_date": date(2026, 1, 7)}, batch(passed=True))
        warehouse.replace("validation_runs", {"batch_date": date(2026, 1, 8)}, batch(passed=False))
        warehouse.replace("validation_runs", {"batch_date": date(1970, 1, 1)}, batch(passed=False))
        warehouse.replace("score_runs", {"target": "buy_7d", "cutoff": datetime(2026, 1, 9, tzinfo=UTC)}, pa.table(run))
    monkeypatch.setattr(clock, "now", lambda: NOW)
    found = overview.status(config)
    assert (found["days ingested"], found["newest day"], found["events"], found["late"]) == (1, "2026-01-07", 7, 3)
    assert (found["quarantined"], found["quarantined without a day"]) == (2, 2)
    assert [(row["target"], row["scored"], row["hours ago"]) for row in found["score runs"]] == [("buy_7d", 5, 2.0)]
