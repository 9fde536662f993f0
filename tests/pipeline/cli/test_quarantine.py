from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline import profiles
from pipeline.cli import main
from pipeline.errors import MissingInput
from pipeline.stages import quarantine as stage


@pytest.fixture
def config(tmp_path: Path) -> str:
    profiles.write("starter", tmp_path / "nightcast.toml")
    return str(tmp_path / "nightcast.toml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "--date"),
        (["show", "--date", "2026-02-30"], "2026-02-30"),
        (["show", "--date", "2026-01-05", "--limit", "0"], "--limit"),
        (["readmit"], "--date"),
        (["readmit", "--date", "2026-01-05", "--into", "soon"], "--into"),
        (["list", "--from", "x"], "--from"),
        (["lst"], "lst"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(words: list[str], said: str, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "name", "given"),
    [
        (["list"], "listed", ((None, None), {})),
        (["list", "--from", "2026-01-05", "--to", "2026-01-06"], "listed", ((date(2026, 1, 5), date(2026, 1, 6)), {})),
        (["show", "--date", "2026-01-05"], "shown", ((date(2026, 1, 5),), {"rule": None, "limit": 20})),
        (["show", "--date", "2026-01-05", "--rule", "line", "--limit", "3"], "shown", ((date(2026, 1, 5),), {"rule": "line", "limit": 3})),
        (["readmit", "--date", "2026-01-05"], "readmit", ((date(2026, 1, 5), None), {})),
        (["readmit", "--date", "2026-01-05", "--into", "2026-01-09"], "readmit", ((date(2026, 1, 5), date(2026, 1, 9)), {})),
    ],
)
def test_each_command_runs_its_stage(
    words: list[str], name: str, given: Any, config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(stage, name, lambda _config, *words, **named: seen.append((words, named)) or {"rows": []})
    assert main(["quarantine", *words, "--config", config, "--json"]) == 0
    assert seen == [given]
    assert json.loads(capsys.readouterr().out) == {"rows": []}


def test_a_day_that_is_not_there_has_its_exit_code(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", "show", "--date", "2026-01-05", "--config", config]) == MissingInput.exit_code
    assert "2026-01-05 is not in the lake" in capsys.readouterr().err
