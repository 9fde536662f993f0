from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.cli import main
from pipeline.config import load
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> str:
    profiles.write("demo", tmp_path / "nightcast.toml")
    return str(tmp_path / "nightcast.toml")


def test_the_terminal_shows_each_family_with_its_features(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "describe", "--config", config]) == 0
    shown = capsys.readouterr().out
    assert "recency: how long ago the last event was." in shown
    assert "… purchase events in the last 7 days" in shown
    features = configured_features(load(Path(config)))
    assert [name for name in features.names if name not in shown] == []
    assert features.fingerprint in shown


def test_machines_get_every_column(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "describe", "--config", config, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    features = configured_features(load(Path(config)))
    assert [column["name"] for column in said["columns"] if column["family"] != "fitted"] == list(features.names)
    assert said["features"] == len(said["columns"])
    assert said["columns"][0] | {"undefined": ""} == {
        "family": "recency",
        "name": "days_since_any",
        "unit": "days",
        "sentence": "{value} days since the last event",
        "undefined": "",
    }


def test_a_page_is_written_and_written_again(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "features.html"
    for _ in range(2):
        assert main(["features", "describe", "--config", config, "--html", str(target), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["page"] == str(target)
    assert "days_since_any" in target.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_one_message(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "no" / "features.html"
    assert main(["features", "describe", "--config", config, "--html", str(there)]) == ConfigError.exit_code
    assert f"{there} cannot be written" in capsys.readouterr().err


def test_without_a_command_the_help_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features"]) == 2
    assert "describe" in capsys.readouterr().err
