from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline import health
from pipeline.config import Config, load
from pipeline.errors import Unreachable

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


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "nightcast.toml").write_text(TEXT, encoding="utf-8")
    return load(tmp_path / "nightcast.toml")


def states(config: Config) -> dict[str, str]:
    return {check.what: check.state for check in health.examine(config)}


def test_a_new_project_lacks_only_events_and_champions(config: Config) -> None:
    folder = config.root / "events"
    folder.mkdir()
    (folder / "2026-01-01.csv").write_text("u,t,k\n", encoding="utf-8")
    assert states(config) == {
        "configuration": "ok",
        "source": "ok",
        "warehouse": "ok",
        "lake": "warning",
        "mlflow": "warning",
        "dask": "ok",
        "gpu": "ok",
        "disk": "ok",
    }


def test_targets_without_models_lack_no_champion(config: Config) -> None:
    targets = {name: target.model_copy(update={"kind": "next_item"}) for name, target in config.targets.items()}
    check = next(check for check in health.examine(config.model_copy(update={"targets": targets})) if check.what == "mlflow")
    assert (check.state, check.finding) == ("ok", "answers; no target is of a kind that has models")


def test_a_source_that_matches_nothing_is_a_failed_line_with_its_mend(config: Config) -> None:
    check = next(check for check in health.examine(config) if check.what == "source")
    assert check.state == "failed"
    assert str(config.root / "events") in check.finding
    assert "source.files" in check.mend


def test_every_stream_of_a_source_is_looked_at(config: Config) -> None:
    columns = {"user_id": "u", "event_time": "t", "event_type": "k"}
    places = {"orders": {"files": "orders/{date}.csv.gz"}, "clicks": {"table": "clicks"}, "refunds": {"query": "SELECT 1"}}
    streams = {name: {**place, "columns": columns} for name, place in places.items()}
    source = type(config.source).model_validate({"event_types": ["buy"], "streams": streams})
    several = config.model_copy(update={"source": source})
    check = health.examine(several)[1]
    assert (check.state, check.finding) == ("failed", f"orders: no file matches {config.root}/orders/*.csv.gz")
    (config.root / "orders").mkdir()
    (config.root / "orders" / "2026-01-01.csv.gz").write_bytes(b"")
    check = health.examine(several)[1]
    assert (check.state, check.finding) == (
        "ok",
        f"orders: 1 files match {config.root}/orders/*.csv.gz; clicks: table clicks; refunds: a query",
    )


def test_an_error_is_one_failed_line_and_not_the_end_of_the_list(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_config: Config) -> health.Check:
        raise Unreachable("no answer", mend="start it")

    monkeypatch.setattr(health, "_lake", unreachable)
    found = {check.what: check for check in health.examine(config)}
    assert (found["lake"].state, found["lake"].finding, found["lake"].mend) == ("failed", "no answer", "start it")
    assert found["disk"].state == "ok"


def test_a_full_disk_fails(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(100, 99, 1))
    assert states(config)["disk"] == "failed"
