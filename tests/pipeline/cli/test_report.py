from __future__ import annotations

import json

import pytest

from pipeline.cli import report

RESULT = {"rows": 12345, "auc": 0.73361, "reason": None, "days": [1, 2], "champions": [{"target": "churn", "version": 3}]}


def test_json_is_one_line_that_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(RESULT, as_json=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == RESULT


def test_people_get_aligned_facts_and_a_table_per_list_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(RESULT, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["rows", "12,345"],
        ["auc", "0.7336"],
        ["reason", "–"],
        ["days", "1,", "2"],
        ["champions"],
        ["target", "version"],
        ["churn", "3"],
    ]


def test_values_that_others_wrote_are_text_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    report.show({"rows": [{"source_row": "[/red] :smile: \x1b[31m\x00\x9b"}]}, as_json=False)
    assert "[/red] :smile: \\x1b[31m\\x00\\x9b" in capsys.readouterr().out


def test_no_rows_are_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    report.show({"refused": []}, as_json=False)
    assert capsys.readouterr().out.split() == ["refused", "–"]
