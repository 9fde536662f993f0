"""A project folder worked on by the command line that people and Airflow use."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from features.cutoff import parse_cutoff
from pipeline.config import load
from pipeline.warehouse import open_warehouse


@dataclass(frozen=True)
class Project:
    """A folder with a nightcast.toml, and the command line to work on it."""

    folder: Path
    start: date
    days: int

    @property
    def cutoff(self) -> str:
        """The day after the shop's last day."""
        return (self.start + timedelta(days=self.days)).isoformat()

    def command(self, *words: str) -> list[str]:
        """The argument list of `nightcast words…`."""
        return [sys.executable, "-m", "pipeline", *words, "--config", str(self.folder / "nightcast.toml"), "--json"]

    def run(self, *words: str, expect: int = 0, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command; its exit code must be `expect`."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, env=None if environment is None else dict(environment)
        )
        assert done.returncode == expect, f"{words} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return done

    def result(self, *words: str) -> dict[str, Any]:
        """The JSON result of a command that must succeed."""
        found: dict[str, Any] = json.loads(self.run(*words).stdout.strip().rpartition("\n")[2])
        return found

    def checksums(self) -> dict[str, str]:
        """Checksum of each target's published rows, run id and time left out."""
        config = load(self.folder / "nightcast.toml")
        cutoff = parse_cutoff(self.cutoff, config.source.time_zone)
        with open_warehouse(config) as warehouse:
            return {target: warehouse.checksum(target, cutoff) for target in config.targets}

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the warehouse."""
        with open_warehouse(load(self.folder / "nightcast.toml")) as warehouse:
            found: list[dict[str, Any]] = warehouse.query(sql).to_pylist()
        return found

    def copy(self, folder: Path) -> Project:
        """The same project at another place."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)


def simulated(
    folder: Path, config: str, *, users: int, days: int, start: date = date(2026, 1, 1), profile: str = "plain", seed: int = 7
) -> Project:
    """A project with this configuration and a simulated shop below `shop/`, its events already in the lake."""
    project = Project(folder, start, days)
    (folder / "nightcast.toml").write_text(config, encoding="utf-8")
    size = ("--users", str(users), "--days", str(days), "--start", start.isoformat(), "--profile", profile, "--seed", str(seed))
    subprocess.run([sys.executable, "-m", "pipeline", "simulate", str(folder / "shop"), *size, "--json"], check=True, capture_output=True)
    project.run("ingest", "--from", start.isoformat(), "--to", (start + timedelta(days=days - 1)).isoformat())
    return project
