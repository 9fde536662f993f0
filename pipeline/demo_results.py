"""What the demo ends with: one row per target, how long each part took, and the lines that open each user interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from features.cutoff import local_midnight
from pipeline.config import Config
from pipeline.services.airflow_api import AirflowApi
from pipeline.warehouse import open_warehouse

NAMES = {
    "gbdt": "LightGBM",
    "sequence": "GRU",
    "bg_nbd": "BG/NBD",
    "recency": "recency alone",
    "active_days": "active days alone",
    "base_rate": "base rate",
}
NONE = "–"
SCORED = "SELECT target, scored FROM score_runs WHERE cutoff = ?"


@dataclass(frozen=True)
class Contender:
    """One judged version: its name for people, its AUC with the 95 % interval, and whether it scores after promotion."""

    name: str
    auc: str
    champion: bool


@dataclass(frozen=True)
class Row:
    """One target: everything that was judged, the best first, and how many users were scored."""

    target: str
    contenders: tuple[Contender, ...]
    scored: int


def collect(config: Config, api: AirflowApi, train_run: str, cutoff: date) -> list[Row]:
    """The rows, from what the tasks `evaluate` and `promote` of a finished `train` run returned, and from the warehouse."""
    with open_warehouse(config) as warehouse:
        nights = warehouse.query(SCORED, [local_midnight(cutoff, config.source.time_zone).instant]).to_pylist()
    scored = {night["target"]: int(night["scored"]) for night in nights}
    return [
        row(
            target,
            api.result("train", train_run, f"{target}.evaluate"),
            api.result("train", train_run, f"{target}.promote"),
            scored.get(target, 0),
        )
        for target in config.modelled_targets
    ]


def row(target: str, evaluation: Mapping[str, Any], promotion: Mapping[str, Any], scored: int) -> Row:
    """A row from the results of the stages `evaluate` and `promote`. A champion that could not be judged comes last."""
    version = None if promotion["champion"] is None else str(promotion["champion"])
    judged: list[dict[str, Any]] = sorted(evaluation["candidates"], key=lambda model: (-model["auc"], int(model["version"])))
    contenders = [_contender(model, version) for model in judged]
    if version is not None and not any(each.champion for each in contenders):
        contenders.append(Contender(f"earlier v{version}", NONE, champion=True))
    return Row(target, tuple(contenders), scored)


def _contender(model: Mapping[str, Any], champion: str | None) -> Contender:
    """Its interval is left out where it has no width: the base rate's AUC is 0.5 by definition."""
    interval = f" ({model['lower']:.3f}–{model['upper']:.3f})" if model["lower"] < model["upper"] else ""
    name = f"{NAMES.get(model['kind'], model['kind'])} v{model['version']}"
    return Contender(name, f"{model['auc']:.3f}{interval}", str(model["version"]) == champion)


def show(console: Console, rows: list[Row], seconds: Mapping[str, float], config: Path) -> None:
    """Print the table, the seconds of each part, and where to look."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Target", "Judged on unseen users", "AUC (95 %)", "Champion"):
        table.add_column(heading, overflow="fold")
    table.add_column("Scored", justify="right")
    for each in rows:
        for place, contender in enumerate(each.contenders or (Contender(NONE, NONE, champion=False),)):
            about = (each.target, f"{each.scored:,}") if place == 0 else ("", "")
            table.add_row(about[0], contender.name, contender.auc, "champion" if contender.champion else "", about[1])
        table.add_section()
    console.print(table)
    parts = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    option = "" if config.parent == Path("var/demo").resolve() else f" --config {config}"
    console.print(f"{parts}; together {sum(seconds.values()):.0f} s", highlight=False, soft_wrap=True)
    for name, line in (
        ("Airflow, MLflow and Data Docs", "make up" if not option else f"nightcast up{option}"),
        ("Scores in DuckDB", f"{config.parent / 'nightcast.duckdb'}, table user_scores"),
        ("Champions and freshness", f"nightcast status --config {config}"),
    ):
        console.print(f"{name:<30} {line}", highlight=False, markup=False, soft_wrap=True)
