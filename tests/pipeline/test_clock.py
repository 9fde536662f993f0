from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

from pipeline import clock

ROOT = Path(__file__).parents[2]
READS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"), ("time", "time_ns")}


def test_now_is_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_no_other_file_reads_the_wall_clock() -> None:
    guilty = []
    for package in ("dags", "features", "models", "pipeline"):
        for path in (ROOT / package).rglob("*.py"):
            if path.relative_to(ROOT).as_posix() == "pipeline/clock.py":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in READS:
                    guilty.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert guilty == []
