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

KINDS = {"gbdt": "LightGBM AUC", "sequence": "GRU AUC"}
NONE = "–"
SCORED = "SELECT target, scored FROM score_runs WHERE cutoff = ?"


@dataclass(frozen=True)
class Row:
    """One target: both models' AUC with its 95 % interval, the champion after promotion, and how many users were scored."""

    target: str
    auc: Mapping[str, str]
    champion: str
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
    """A row from the results of the stages `evaluate` and `promote`; of each kind the newest version counts."""
    models: list[dict[str, Any]] = sorted(evaluation["candidates"], key=lambda model: int(model["version"]))
    auc = {model["kind"]: f"{model['auc']:.3f} ({model['lower']:.3f}–{model['upper']:.3f})" for model in models}
    kinds = {str(model["version"]): str(model["kind"]) for model in models}
    version = promotion["champion"]
    champion = NONE if version is None else f"{kinds.get(str(version), 'earlier')} v{version}"
    return Row(target, auc, champion, scored)


def show(console: Console, rows: list[Row], seconds: Mapping[str, float], config: Path) -> None:
    """Print the table, the seconds of each part, and where to look."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Target", *KINDS.values(), "Champion"):
        table.add_column(heading, overflow="fold")
    table.add_column("Scored", justify="right")
    for each in rows:
        table.add_row(each.target, *(each.auc.get(kind, NONE) for kind in KINDS), each.champion, f"{each.scored:,}")
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
