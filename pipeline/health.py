"""What `nightcast doctor` looks at: one check per thing that a night needs, each with its mend."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pipeline.config import Config
from pipeline.errors import NightcastError
from pipeline.lake import Lake

FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table."""

    what: str
    state: Literal["ok", "warning", "failed"]
    finding: str
    mend: str = ""

    def row(self) -> dict[str, str]:
        """As shown."""
        return {"check": self.what, "state": self.state, "finding": self.finding, "mend": self.mend}


def examine(config: Config) -> list[Check]:
    """Every check in order; a check that raises one of our errors is a failed line, not the end of the list."""
    looks: dict[str, Callable[[Config], Check]] = {
        "source": _source,
        "warehouse": _warehouse,
        "lake": _lake,
        "mlflow": _mlflow,
        "dask": _dask,
        "gpu": _gpu,
        "disk": _disk,
    }
    checks = [Check("configuration", "ok", f"{len(config.targets)} targets: {', '.join(config.targets)}")]
    for what, look in looks.items():
        try:
            checks.append(look(config))
        except NightcastError as error:
            checks.append(Check(what, "failed", error.message, error.mend))
    return checks


def _source(config: Config) -> Check:
    from pipeline.source.files import expand

    found: list[str] = []
    empty: list[str] = []
    for name, stream in config.source.each.items():
        label = f"{name}: " if config.source.streams else ""
        if not stream.files:
            found.append(f"{label}table {stream.table}" if stream.table else f"{label}a query")
            continue
        text = stream.files.replace("{date}", "*")
        pattern = text if "://" in text else str(config.path(text))
        files = len(expand(pattern))
        (found if files else empty).append(f"{label}{files:,} files match {pattern}" if files else f"{label}no file matches {pattern}")
    if empty:
        return Check("source", "failed", "; ".join(empty), "set source.files, with {date} where the day stands")
    return Check("source", "ok", "; ".join(found))


def _warehouse(config: Config) -> Check:
    from pipeline.warehouse import open_warehouse

    with open_warehouse(config) as warehouse:
        nights = warehouse.query("SELECT count(*) AS nights FROM score_runs")["nights"][0].as_py()
    return Check("warehouse", "ok", f"{config.warehouse_place}: {nights:,} published score runs")


def _lake(config: Config) -> Check:
    version = Lake(config.lake_url).version("events")
    if version is None:
        return Check("lake", "warning", f"{config.lake_url} has no events yet", "run `nightcast ingest`")
    return Check("lake", "ok", f"{config.lake_url}: events at version {version}")


def _mlflow(config: Config) -> Check:
    from pipeline.tracking import champions

    found = champions(config)
    if not found:
        return Check("mlflow", "ok", "answers; no target is of a kind that has models")
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return Check("mlflow", "warning", f"no champion of {', '.join(missing)}", "run `nightcast run train --cutoff …`")
    return Check("mlflow", "ok", ", ".join(f"{name} champion is version {version}" for name, version in found.items()))


def _dask(config: Config) -> Check:
    if not config.dask.scheduler:
        return Check("dask", "ok", f"{config.dask.workers} workers on this machine, {config.dask.memory_limit} each")
    from pipeline.cluster import cluster

    with cluster(config):
        return Check("dask", "ok", f"{config.dask.scheduler} answers")


def _gpu(_config: Config) -> Check:
    devices = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    if devices:
        return Check("gpu", "ok", ", ".join(devices))
    return Check("gpu", "ok", "none: sequence models train on the CPU" if find_spec("tensorflow") else "TensorFlow is not installed")


def _disk(config: Config) -> Check:
    free = shutil.disk_usage(config.root).free
    if free < FREE_BYTES:
        return Check("disk", "failed", f"{free / 1024**3:.1f} GiB free under {config.root}", "free at least 2 GiB, or move the lake")
    return Check("disk", "ok", f"{free / 1024**3:.0f} GiB free under {config.root}")
