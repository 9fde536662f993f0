"""`nightcast publish` itself, killed at its commit and typed again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config import load
from pipeline.lake import Lake
from tests.faults.publisher import NEW, OLD, night, publish, whole
from tests.faults.warm import begin
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores

CONFIG = """
[warehouse]
url = "duckdb:///night.duckdb"
[source]
files = "events/{date}.csv"
event_types = ["purchase"]
columns = { user_id = "u", event_time = "t", event_type = "e" }
[windows]
lookback_days = 30
days = [7, 30]
[targets.purchase_7d]
kind = "occurs"
event_type = "purchase"
horizon_days = 7
"""


@pytest.mark.parametrize(("moment", "seen"), [("before", OLD), ("after", NEW)])
def test_a_killed_command_leaves_one_whole_night_and_the_same_line_mends_it(tmp_path: Path, moment: str, seen: int) -> None:
    (tmp_path / "nightcast.toml").write_text(CONFIG, encoding="utf-8")
    config = load(tmp_path / "nightcast.toml")
    publish(config, OLD, "run-1")
    rows, partition = scores(NEW, NEW // 100, seed=NEW, run_id="run-2"), {"target": TARGET, "cutoff": CUTOFF.key}
    lake = Lake(config.lake_url)
    part = lake.write_part("scores", partition, "run-2", rows)
    lake.commit("scores", rows.schema, partition, [part], metadata=run_of(rows, run_id="run-2"))

    step = f"pipeline.warehouse.duckdb:DuckDBWarehouse.commit:{moment}"
    line = ["publish", "--cutoff", str(CUTOFF), "--config", str(tmp_path / "nightcast.toml"), "--json"]
    killed = begin(line, tmp_path / "killed", die_at=step).ended()
    assert killed.code == -9, killed.said
    assert night(config) == whole(seen, "run-1" if seen == OLD else "run-2")

    again = begin(line, tmp_path / "again").ended()
    assert again.code == 0, again.said
    assert night(config) == whole(NEW, "run-2")
    assert json.loads(again.out)["checksums"] == {TARGET: publish(config, NEW, "run-3")}
