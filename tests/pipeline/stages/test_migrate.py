from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.cli import main
from pipeline.stages import migrate
from pipeline.warehouse import migrations, open_warehouse
from tests.warehouse.engines import config_at


def test_an_empty_warehouse_gets_its_tables_and_another_run_finds_them(tmp_path: Path) -> None:
    config = config_at(tmp_path, "duckdb:///night.duckdb")
    done = {"warehouse": "duckdb:///night.duckdb", "version": migrations.newest()}
    assert migrate.run(config, show=False) == {**done, "before": None}
    assert migrate.run(config, show=False) == {**done, "before": migrations.newest()}


def test_an_older_warehouse_is_upgraded_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles.write("starter", tmp_path / "nightcast.toml")
    found = migrations.newest()
    with open_warehouse(config_at(tmp_path, "duckdb:///nightcast.duckdb")):
        pass
    note = ('ALTER TABLE "score_runs" ADD COLUMN "note" text',)
    monkeypatch.setattr(migrations, "UPGRADES", {**migrations.UPGRADES, found + 1: note})
    assert main(["migrate", "--config", str(tmp_path / "nightcast.toml"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["before"], said["version"]) == (found, found + 1)


def test_an_address_is_told_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.write("starter", tmp_path / "nightcast.toml")
    monkeypatch.setenv("NIGHTCAST__WAREHOUSE__URL", "postgresql://analyst:s3cret@127.0.0.1:1/shop")
    assert main(["migrate", "--config", str(tmp_path / "nightcast.toml")]) == 30
    said = capsys.readouterr().err
    assert "analyst:***@127.0.0.1:1/shop" in said
    assert "s3cret" not in said
