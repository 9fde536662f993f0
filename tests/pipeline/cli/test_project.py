from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.cli import main
from pipeline.config import load


def test_init_writes_a_valid_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nightcast.toml"
    assert main(["init", str(path)]) == 0
    assert load(path).targets
    assert main(["init", str(path)]) == 10
    assert "exists already" in capsys.readouterr().err


def test_init_can_print_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--print", "--profile", "starter"]) == 0
    assert capsys.readouterr().out == profiles.text("starter")


def test_no_configuration_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTCAST_CONFIG", raising=False)
    assert main(["status"]) == 10
    assert "nightcast init" in capsys.readouterr().err


def test_the_cutoff_of_a_chain_is_checked_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profiles.write("starter", tmp_path / "nightcast.toml")
    assert main(["run", "train", "--cutoff", "someday", "--config", str(tmp_path / "nightcast.toml")]) == 2
    assert "someday" in capsys.readouterr().err
