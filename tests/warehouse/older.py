"""Warehouses as earlier versions of the program made them and wrote to them."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from features.cutoff import Cutoff
from pipeline.warehouse import migrations
from pipeline.warehouse.night import night_of
from pipeline.warehouse.schema import Table, View
from pipeline.warehouse.sql import SqlWarehouse
from pipeline.warehouse.tables import DECILE_OUTCOMES, SCORE_DECILES, TABLES, VIEWS
from tests.warehouse.nights import run_of

ADDED = {
    "quarantined_events": ("stream", "place"),
    "validation_runs": ("run_id", "lake_version", "readmitted", "accepted_by_type", "repeated_by_type"),
}
"""Columns that version 2 added to the tables of version 1."""
NIGHT_TABLES = ("user_scores", "refused_users", "score_runs")
DECILES = {
    1: ("target", "cutoff", "decile", "users", "expected_events"),
    3: ("target", "cutoff", "decile", "users", "expected_events", "expected_value"),
    4: tuple(column.name for column in SCORE_DECILES.columns),
}
"""Columns of the view from each version on."""
SUMS = {"users": "count(*)", "expected_events": 'sum("score")', "expected_value": 'sum("expected_value")'}


def program_of(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program make and upgrade warehouses as it did at this version, until the patch is undone."""
    monkeypatch.setattr(migrations, "UPGRADES", {each: texts for each, texts in migrations.UPGRADES.items() if each <= version})
    monkeypatch.setattr(migrations, "TABLES", tuple(_then(table, version) for table in TABLES if version >= 4 or table != DECILE_OUTCOMES))
    monkeypatch.setattr(migrations, "VIEWS", tuple(_deciles(version) if view is SCORE_DECILES else view for view in VIEWS))


def decile_columns(version: int) -> list[str]:
    """Columns that `score_deciles` has at this version."""
    return list(DECILES[max(since for since in DECILES if since <= version)])


def put(warehouse: SqlWarehouse, rows: pa.Table, target: str, cutoff: Cutoff) -> None:
    """Insert a night as every version did."""
    with warehouse.transaction("a night"):
        for table, night in night_of(rows, target, cutoff, run_of(rows)).tables:
            warehouse.append(table, night)


def _then(table: Table, version: int) -> Table:
    if version >= 2:
        return replace(table, parted_by=table.parted_by if version >= 5 else "")
    return replace(table, parted_by="", columns=tuple(column for column in table.columns if column.name not in ADDED.get(table.name, ())))


def _deciles(version: int) -> View:
    if version >= 4:
        return SCORE_DECILES
    columns = tuple(column for column in SCORE_DECILES.columns if column.name in decile_columns(version))
    sums = ", ".join(f'{formula} AS "{name}"' for name, formula in SUMS.items() if name in decile_columns(version))
    select = f'SELECT "target", "cutoff", "decile", {sums} FROM "user_scores" GROUP BY "target", "cutoff", "decile"'
    return replace(SCORE_DECILES, columns=columns, select=select)
