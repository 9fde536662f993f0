from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import chain
from pipeline.commands import Step


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Steps become tiny programs that write their name when they start and when they end."""
    path = tmp_path / "journal"
    program = (
        "import sys, time, json\n"
        "name = sys.argv[1]\n"
        f"say = lambda word: open({str(path)!r}, 'a').write(f'{{word}} {{name}}\\n')\n"
        "say('begin')\n"
        "time.sleep(0.3)\n"
        "if name == 'bad': sys.stderr.write('it is bad\\n'); sys.exit(14)\n"
        "say('end')\n"
        "print('noise'); print(json.dumps({'name': name}))\n"
    )
    monkeypatch.setattr(chain, "command_line", lambda step, *, python, config: [python, "-c", program, step.name])
    return path


def run(monkeypatch: pytest.MonkeyPatch, steps: tuple[Step, ...]) -> dict[str, object]:
    monkeypatch.setitem(chain.CHAINS, "train", lambda _targets, _cutoff: steps)
    return chain.run("train", {"t": "occurs"}, "2026-01-01", config=Path("nightcast.toml"), show=False)


def test_a_step_starts_after_those_it_needs_and_siblings_run_side_by_side(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (Step("first", ()), Step("left", (), ("first",)), Step("right", (), ("first",)), Step("last", (), ("left", "right")))
    result = run(monkeypatch, steps)
    lines = journal.read_text().splitlines()
    assert lines[:2] == ["begin first", "end first"]
    assert set(lines[2:4]) == {"begin left", "begin right"}
    assert lines[-2:] == ["begin last", "end last"]
    assert json.dumps(result)


def test_a_failing_step_stops_what_needs_it_and_passes_its_exit_code_on(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(chain.StepFailed, match="it is bad") as caught:
        run(monkeypatch, (Step("bad", ("score", "--cutoff", "x")), Step("after", (), ("bad",))))
    assert caught.value.exit_code == 14
    assert "nightcast score --cutoff x" in caught.value.mend
    assert "after" not in journal.read_text()


def test_where_a_person_has_to_agree_nobody_is_promoted_and_the_line_that_does_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"target": "t", "promoted": True, "version": "3", "reasons": ["it is better", "surely"]}
    program = f"print({json.dumps(json.dumps(said))})"
    lines: list[tuple[str, ...]] = []

    def line(step: Step, *, python: str, config: str) -> list[str]:
        lines.append(step.argv)
        return [python, "-c", program if step.name == "t.promote" else "print('{}')"]

    monkeypatch.setattr(chain, "command_line", line)
    config = tmp_path / "nightcast.toml"
    config.write_text('[promotion]\napproval = "human"\n', encoding="utf-8")
    result = chain.run("train", {"t": "sum"}, "2026-01-01", config=config, show=False)
    assert [argv for argv in lines if argv[0] == "promote"] == [("promote", "--target", "t", "--cutoff", "2026-01-01", "--dry-run")]
    assert result["to approve"] == [
        {
            "target": "t",
            "why": "it is better",
            "approve with": "nightcast promote --target t --cutoff 2026-01-01 --expect-version 3",
        }
    ]
    config.write_text("", encoding="utf-8")
    assert "to approve" not in chain.run("train", {"t": "sum"}, "2026-01-01", config=config, show=False)
    assert "--dry-run" not in lines[-1]
