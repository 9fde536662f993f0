from __future__ import annotations

from typing import Any

import pytest

from pipeline.cli import decision

REFUSED: dict[str, Any] = {
    "target": "buys",
    "as_of": "2026-04-11T00:00:00Z",
    "promoted": False,
    "version": "3",
    "champion": "2",
    "dry_run": False,
    "reasons": ["version 3 is not promoted", "it is worse where segment = [bold]\x1b[31mX"],
    "gates": [
        {"gate": "chance", "verdict": "passed", "numbers": "AUC 0.75"},
        {"gate": "slices", "verdict": "failed", "numbers": "segment = \x07X"},
        {"gate": "amounts", "verdict": "skipped", "numbers": "no amounts"},
    ],
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "version 2 stays champion"),
        ({"champion": None}, "there is still no champion"),
        ({"dry_run": True}, "version 2 stays champion (dry run: nothing is recorded)"),
        ({"promoted": True, "champion": "3"}, "version 3 is champion"),
        ({"promoted": True, "dry_run": True}, "version 3 would become champion (dry run: version 2 stays champion)"),
        ({"promoted": True, "dry_run": True, "champion": None}, "version 3 would become champion (dry run: there is still no champion)"),
    ],
)
def test_the_headline_says_who_scores(changes: dict[str, Any], said: str) -> None:
    assert decision.headline({**REFUSED, **changes}) == said


def test_reasons_and_gates_stand_below_each_other_and_nothing_in_them_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    decision.show(REFUSED)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "buys, trained as of 2026-04-11T00:00:00Z: version 2 stays champion",
        "",
        "Why",
        "  •  version 3 is not promoted",
        "  •  it is worse where segment = [bold]\\x1b[31mX",
        "",
        "Gates of version 3",
        "  passed  chance   AUC 0.75",
        "  FAILED  slices   segment = \\x07X",
        "  –       amounts  no amounts",
    ]


def test_without_gates_there_is_no_heading_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    decision.show({**REFUSED, "version": None, "gates": []})
    assert "Gates" not in capsys.readouterr().out
