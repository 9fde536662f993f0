"""The import contracts of pyproject.toml hold, and every module has its place and its test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("dags", "features", "models", "pipeline")
SOURCES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_longer_than_300_lines() -> None:
    long = {str(path): count for path in SOURCES if (count := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > 300}
    assert long == {}


def test_no_room_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "data"}
    assert [str(path) for path in SOURCES if vague & set(path.with_suffix("").parts)] == []


MIRRORED = [path for path in SOURCES if path.name not in {"__init__.py", "__main__.py"} and path.parts[0] != "dags"]
"""The DAGs are tested together, as one explicit list, in `tests/dags/test_dags.py`."""


@pytest.mark.parametrize("source", MIRRORED, ids=str)
def test_every_source_file_has_a_test_file_of_its_name(source: Path) -> None:
    mirrored = ROOT / "tests" / source.parent / f"test_{source.name}"
    assert mirrored.is_file(), f"write {mirrored.relative_to(ROOT)}"
