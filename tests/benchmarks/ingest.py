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


def make(path: Path, rows: int) -> None:
    """Write the day's file, the same for the same number of rows."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({ROWS}) TO '{path}' (HEADER, DELIMITER ',')", {"rows": rows}).fetchall()


def expected(path: Path) -> tuple[int, int]:
    """(accepted, quarantined) rows, counted by other means."""
    import duckdb

    with duckdb.connect() as connection:
        accepted, quarantined = connection.execute(EXPECTED, {"path": str(path)}).fetchall()[0]
    return accepted, quarantined


def bare(path: Path, folder: Path) -> dict[str, Any]:
    started = time.perf_counter()
    import duckdb

    imported = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(BARE.replace("TARGET", str(folder / "bare.parquet")), {"path": str(path)}).fetchall()
    return measured(started, imported)


def ingest(path: Path, folder: Path) -> dict[str, Any]:
    started = time.perf_counter()
    import great_expectations  # noqa: F401

    from pipeline.config import Config
    from pipeline.stages.ingest import run

    imported = time.perf_counter()
    columns = {name: name for name in (*TEXTS, "event_time", "value")}
    source = {"files": str(path).replace(str(DAY), "{date}"), "event_types": TYPES.split("', '"), "columns": columns, "settle_seconds": 0}
    targets = {"purchase_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}}
    config = Config.model_validate({"root": folder, "source": source, "targets": targets})
    return {**run(config, DAY, DAY, show=False), **measured(started, imported)}


def measured(started: float, imported: float) -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "imports": imported - started,
        "seconds": time.perf_counter() - imported,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "mib": usage.ru_maxrss / 1024,
    }


def in_a_process(what: str, path: Path) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", what, str(path), folder]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    return dict(json.loads(found.stdout.splitlines()[-1]))


def compare(path: Path, rows: int, pairs: int) -> None:
    accepted, quarantined = expected(path)
    runs: dict[str, list[dict[str, Any]]] = {"bare": [], "ingest": []}
    for _ in range(pairs):
        for what, found in runs.items():
            found.append(in_a_process(what, path))
            print(
                f"{what:8}" + "  ".join(f"{name} {found[-1][name]:,.1f}" for name in ("imports", "seconds", "cpu_seconds", "mib")),
                flush=True,
            )
    for found in runs["ingest"]:
        counts = [found[name] for name in ("rows", "accepted", "quarantined", "duplicates")]
        if counts != [rows, accepted, quarantined, rows - accepted - quarantined]:
            raise SystemExit(f"{counts} is not what there is: {rows} rows, {accepted} accepted, {quarantined} quarantined")
    own, other = (median(found["seconds"] for found in runs[what]) for what in ("ingest", "bare"))
    ratios = sorted(mine["seconds"] / theirs["seconds"] for mine, theirs in zip(runs["ingest"], runs["bare"], strict=True))
    print(
        f"\n{path.name}: {rows:,} rows, {path.stat().st_size / 2**20:,.0f} MiB; {accepted:,} accepted + {quarantined:,} quarantined "
        f"+ {rows - accepted - quarantined:,} duplicates, as counted by DuckDB\n"
        f"bare    {other:6.1f} s\n"
        f"ingest  {own:6.1f} s = {median(ratios):.1f} × ({ratios[0]:.1f} … {ratios[-1]:.1f}), imports {median(found['imports'] for found in runs['ingest']):.1f} s, "
        f"at most {max(found['mib'] for found in runs['ingest']):,.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--gz", action="store_true")
    parser.add_argument("--one", nargs=3)
    given = parser.parse_args()
    if given.one:
        what, path, folder = given.one
        print(json.dumps({"bare": bare, "ingest": ingest}[what](Path(path), Path(folder))))
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / (f"{DAY}.csv.gz" if given.gz else f"{DAY}.csv")
        make(path, given.rows)
        compare(path, given.rows, given.pairs)


if __name__ == "__main__":
    main()
