"""Ingest beside DuckDB's own conversion of the same file, in turns: `python tests/benchmarks/ingest.py [--rows 5000000] [--gz] [--pairs 3]`.

bare    COPY (SELECT … FROM read_csv(…)) TO parquet, with declared types
ingest  `pipeline.stages.ingest.run` on an empty lake: read, judge, drop duplicates, sort, validate, commit, copy

Each runs in a process of its own. Imports are timed apart; memory is the process's greatest resident size.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

DAY = date(2026, 1, 5)
TEXTS = ("event_id", "user_id", "event_type", "item_id", "category", "session_id")
TYPES = "', '".join(("view", "cart", "purchase", "cancel"))

ROWS = f"""
    SELECT md5(n::VARCHAR)[:16] AS event_id,
           CASE WHEN n % 97 = 0 THEN '' ELSE 'u' || (hash(n) % users) % (1 + hash(n, 1) % users) END AS user_id,
           CASE WHEN n % 101 = 0 THEN '1970-01-01T00:00:00.000Z'
                ELSE strftime(TIMESTAMP '{DAY}' + to_milliseconds((hash(n, 2) % 86_400_000)::BIGINT), '%Y-%m-%dT%H:%M:%S.%gZ') END AS event_time,
           CASE WHEN n % 103 = 0 THEN 'click' ELSE ['{TYPES}'][1 + (hash(n, 3) % 4)::INT] END AS event_type,
           'item-' || hash(n, 4) % 50_000 AS item_id,
           'category ' || hash(n, 5) % 40 AS category,
           ((hash(n, 6) % 50_000) / 100)::DECIMAL(9, 2) AS value,
           's' || hash(n // 8) % 10_000_000 AS session_id,
           CASE WHEN n % 13 = 0 THEN 'says "no, thanks"' ELSE 'fine' END AS note
    FROM (SELECT CASE WHEN i % 41 = 0 THEN i - 1 ELSE i END AS n, greatest(rows // 10, 1) AS users
          FROM (SELECT range AS i, $rows AS rows FROM range($rows)))"""
"""A day of $rows rows: 2.9 % break a rule each, 2.4 % come twice; a field in 13 is quoted, with a comma and quotes inside."""

BARE = f"""
    COPY (SELECT event_id, user_id, event_time, event_type, item_id, category, value, session_id
          FROM read_csv($path, header = true, columns = {{{", ".join(f"{name}: 'VARCHAR'" for name in TEXTS[:2])}, event_time: 'TIMESTAMPTZ',
                        {", ".join(f"{name}: 'VARCHAR'" for name in TEXTS[2:5])}, value: 'DECIMAL(18, 4)', session_id: 'VARCHAR', note: 'VARCHAR'}}))
    TO 'TARGET' (FORMAT parquet, COMPRESSION zstd)"""

EXPECTED = f"""
    WITH kept AS (SELECT * FROM read_csv($path, header = true, all_varchar = true)
                  WHERE coalesce(user_id, '') <> '' AND event_time NOT LIKE '1970%' AND event_type IN ('{TYPES}'))
    SELECT count(DISTINCT (user_id, event_id)), (SELECT count(*) FROM read_csv($path, header = true, all_varchar = true)) - count(*) FROM kept"""


def make(path: Path, rows: str) -> dict[str, int]:
    """Write the day's file, the same for the same number of rows, and count what is to come of it by other means."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({ROWS}) TO '{path}' (HEADER, DELIMITER ',')", {"rows": int(rows)}).fetchall()
        accepted, quarantined = connection.execute(EXPECTED, {"path": str(path)}).fetchall()[0]
    return {"rows": int(rows), "accepted": accepted, "quarantined": quarantined, "duplicates": int(rows) - accepted - quarantined}


def bare(path: Path, folder: str) -> dict[str, Any]:
    started = time.perf_counter()
    import duckdb

    imported = time.perf_counter(), time.process_time()
    with duckdb.connect() as connection:
        connection.execute(BARE.replace("TARGET", f"{folder}/bare.parquet"), {"path": str(path)}).fetchall()
    return measured(started, imported)


def ingest(path: Path, folder: str) -> dict[str, Any]:
    started = time.perf_counter()
    import great_expectations  # noqa: F401

    from pipeline.config import Config
    from pipeline.stages.ingest import run

    imported = time.perf_counter(), time.process_time()
    columns = {name: name for name in (*TEXTS, "event_time", "value")}
    source = {"files": str(path).replace(str(DAY), "{date}"), "event_types": TYPES.split("', '"), "columns": columns, "settle_seconds": 0}
    targets = {"purchase_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}}
    config = Config.model_validate({"root": Path(folder), "source": source, "targets": targets})
    return {**run(config, DAY, DAY, show=False), **measured(started, imported)}


def measured(started: float, imported: tuple[float, float]) -> dict[str, float]:
    return {
        "imports": imported[0] - started,
        "seconds": time.perf_counter() - imported[0],
        "cpu_seconds": time.process_time() - imported[1],
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(what: str, path: Path, argument: str) -> dict[str, Any]:
    """What `STEPS[what]` returns. This process stays small: a child's greatest size begins with its parent's."""
    command = [sys.executable, __file__, "--step", what, str(path), argument]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    return dict(json.loads(found.stdout.splitlines()[-1]))


def compare(path: Path, rows: int, pairs: int) -> None:
    there = in_a_process("make", path, str(rows))
    runs: dict[str, list[dict[str, Any]]] = {"bare": [], "ingest": []}
    for _ in range(pairs):
        for what, found in runs.items():
            with TemporaryDirectory() as folder:
                found.append(in_a_process(what, path, folder))
            print(f"{what:8}" + "  ".join(f"{name} {found[-1][name]:,.1f}" for name in SHOWN), flush=True)
    for found in runs["ingest"]:
        counts = {name: found[name] for name in there}
        if counts != there:
            raise SystemExit(f"ingest counts {counts}, and DuckDB {there}")
    middle = {what: {name: median(found[name] for found in runs[what]) for name in SHOWN} for what in runs}
    ratios = sorted(mine["seconds"] / theirs["seconds"] for mine, theirs in zip(runs["ingest"], runs["bare"], strict=True))
    print(
        f"\n{path.name}, {path.stat().st_size / 2**20:,.0f} MiB; as counted by DuckDB: {', '.join(f'{name} {n:,}' for name, n in there.items())}"
    )
    for what, found in middle.items():
        print(
            f"{what:8}{found['seconds']:7.1f} s  {found['cpu_seconds']:7.1f} s of CPU  {found['mib']:7,.0f} MiB  imports {found['imports']:.1f} s"
        )
    print(f"ratio   {median(ratios):7.1f}    ({ratios[0]:.1f} … {ratios[-1]:.1f})")


STEPS: dict[str, Callable[[Path, str], dict[str, Any]]] = {"make": make, "bare": bare, "ingest": ingest}
SHOWN = ("imports", "seconds", "cpu_seconds", "mib")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--gz", action="store_true")
    parser.add_argument("--step", nargs=3)
    given = parser.parse_args()
    if given.step:
        what, path, argument = given.step
        print(json.dumps(STEPS[what](Path(path), argument)))
        return
    with TemporaryDirectory() as folder:
        compare(Path(folder) / (f"{DAY}.csv.gz" if given.gz else f"{DAY}.csv"), given.rows, given.pairs)


if __name__ == "__main__":
    main()
