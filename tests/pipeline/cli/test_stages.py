from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.cli import main


@pytest.fixture
def config(tmp_path: Path) -> str:
    profiles.write("starter", tmp_path / "nightcast.toml")
    return str(tmp_path / "nightcast.toml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ingest"], "give either --date DAY, or both --from DAY and --to DAY"),
        (["ingest", "--date", "2026-01-01", "--from", "2026-01-01"], "give either"),
        (["ingest", "--from", "2026-01-02", "--to", "2026-01-01"], "lies before --from"),
        (["ingest", "--date", "2026-02-30"], "2026-02-30"),
        (["score", "--cutoff", "soon"], "2026-11-10T06:00Z"),
        (["score", "--cutof", "2026-01-01"], "--cutof"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(words: list[str], said: str, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--config", config] if "--cutof" not in words else words) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_target_ends_with_the_configuration_exit_code(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-gbdt", "--target", "nope", "--cutoff", "2026-01-01", "--config", config]) == 10
    assert "there are purchase_30d, churn_60d" in capsys.readouterr().err
