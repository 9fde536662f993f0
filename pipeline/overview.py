"""`nightcast status`: what was taken in, who is champion, what was published, how fresh it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipeline import clock
from pipeline.config import Config
from pipeline.ingestion.copies import UNDATED
from pipeline.tracking.registry import find_champion
from pipeline.warehouse import open_warehouse

BATCHES = """
SELECT count(*) AS days, max(batch_date) AS newest, sum(accepted) AS accepted, sum(quarantined) AS quarantined,
       sum(duplicates) AS duplicates, sum(late) AS late
FROM validation_runs WHERE passed
"""
WITHOUT_DAY = "SELECT sum(quarantined) AS undated FROM validation_runs WHERE batch_date = $1"
RUNS = """
SELECT target, cutoff, model_name, model_version, scored, refused, finished_at
FROM score_runs ORDER BY cutoff DESC, target LIMIT 10
"""


def status(config: Config) -> dict[str, Any]:
    """Events taken in, the champion of each target, and the ten newest score runs with their age in hours."""
    with open_warehouse(config) as warehouse:
        batches, undated, runs = warehouse.query(BATCHES), warehouse.query(WITHOUT_DAY, [UNDATED]), warehouse.query(RUNS)
    taken = batches.to_pylist()[0]
    return {
        "days ingested": taken["days"],
        "newest day": None if taken["newest"] is None else str(taken["newest"]),
        "events": int(taken["accepted"] or 0),
        "quarantined": int(taken["quarantined"] or 0),
        "quarantined without a day": int(undated["undated"][0].as_py() or 0),
        "duplicates": int(taken["duplicates"] or 0),
        "late": int(taken["late"] or 0),
        "champions": [_champion(config, name) for name in config.modelled_targets],
        "score runs": [_run(row) for row in _rows(runs)],
    }


def _champion(config: Config, target: str) -> dict[str, str | None]:
    """With its kind: who sees `recency` there knows that the target has no better scores yet."""
    found = find_champion(config, target)
    return {"target": target, "version": found.version if found else None, "kind": found.kind if found else None}


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _run(row: dict[str, Any]) -> dict[str, Any]:
    finished: datetime = row["finished_at"]
    age = clock.now() - (finished if finished.tzinfo else finished.replace(tzinfo=UTC))
    return {
        **{key: row[key] for key in ("target", "model_name", "model_version", "scored", "refused")},
        "cutoff": f"{row['cutoff']:%Y-%m-%d %H:%M}",
        "hours ago": round(age.total_seconds() / 3600, 1),
    }
