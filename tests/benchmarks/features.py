"""Windows of many cutoffs beside Polars and DuckDB, with the same numbers out, compared cell by cell:

    python tests/benchmarks/features.py [--events 10000000] [--cutoffs 20] [--engines kernels,polars,duckdb] [--pairs 1]
    python tests/benchmarks/features.py --growth [--pairs 3]

7 windows x (counts of 5 event types, sum of the values, distinct items) and the days since the last event, at weekly cutoffs. What the
engines do is in `features_engines.py`, what they read in `features_events.py`. Each run is a process of its own with two threads. Loading
counts; imports and compiling, done over a few users before, are shown apart. Memory is the process's greatest resident size.
`--growth` times the kernels alone, at more events and at more cutoffs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("kernels", "polars", "polars-tuned", "duckdb", "duckdb-tuned")
GROWTH_EVENTS, GROWTH_CUTOFFS = (1_000_000, 3_000_000, 10_000_000, 30_000_000), (1, 5, 10, 20, 40)
FEW = 5_000


def make(folder: str, events: int) -> dict[str, Any]:
    """The events and a few besides, for warming up; how many users each bucket has."""
    from tests.benchmarks.features_events import make

    (Path(folder) / "few").mkdir(parents=True)
    return {"few": make(Path(folder) / "few", FEW)["users"], **make(Path(folder), events)}


def run(place: str, engine: str, users: list[int], few: list[int], cutoffs: int, keep: bool) -> dict[str, float]:
    """One engine's time. With `keep` its results are written to a file, on no one's time."""
    from tests.benchmarks.features_engines import COLUMNS, ENGINES, Piece, weekly

    def look(piece: Piece) -> None:
        nonlocal paused
        if keep and engine != "kernels":
            began = time.perf_counter(), time.process_time()
            write(piece)
            paused = paused[0] + time.perf_counter() - began[0], paused[1] + time.process_time() - began[1]

    def write(piece: Piece) -> None:
        c, first, columns = piece
        for place, values in enumerate(columns):
            os.pwrite(file, values.tobytes(), ((c * len(COLUMNS) + place) * sum(users) + first) * 8)

    paused, compute, folder = (0.0, 0.0), ENGINES[engine], Path(place)
    file = os.open(folder / f"{engine}.values", os.O_RDWR | os.O_CREAT)
    began = time.perf_counter()
    compute(folder / "few", few, weekly(1), lambda piece: None)
    started, cpu = time.perf_counter(), time.process_time()
    compute(folder, users, weekly(cutoffs), look)
    found = {"seconds": time.perf_counter() - started - paused[0], "cpu_seconds": time.process_time() - cpu - paused[1]}
    found |= {"warming": started - began, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if keep and engine == "kernels":  # its two threads cannot be paused, so its results are kept in a run of their own
        compute(folder, users, weekly(cutoffs), write)
    os.close(file)
    return found


def differing(folder: str, engines: list[str]) -> dict[str, Any]:
    """How many cells there are, and in how many of them each engine differs from the first."""
    import numpy as np

    first, *others = (np.memmap(Path(folder) / f"{engine}.values", dtype=np.float64, mode="r") for engine in engines)
    sizes, step = {len(cells) for cells in (first, *others)}, 2**24
    if len(sizes) > 1:
        raise SystemExit(f"Results of different sizes: {sizes}")
    counts = [0] * len(others)
    for begin in range(0, len(first), step):
        mine = first[begin : begin + step]
        for place, cells in enumerate(others):
            theirs = cells[begin : begin + step]
            counts[place] += int(np.sum((mine != theirs) & ~(np.isnan(mine) & np.isnan(theirs))))
    return {"cells": len(first), "filled": int(np.count_nonzero(first)), "differing": dict(zip(engines[1:], counts, strict=True))}


def in_a_process(step: str, **arguments: Any) -> dict[str, Any]:
    """What `STEPS[step]` returns. `-m`, because beside this file `features` would be this file."""
    command = [sys.executable, "-m", "tests.benchmarks.features", "--step", step, json.dumps(arguments, default=str)]
    surroundings = {**os.environ, "POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "2"}
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=surroundings)
    return dict(json.loads(found.stdout.splitlines()[-1]))


def compare(folder: str, events: int, cutoffs: int, engines: list[str], pairs: int) -> None:
    there = in_a_process("make", folder=folder, events=events)
    print(f"{there['events']:,} events of {sum(there['users']):,} users, {cutoffs} cutoffs", flush=True)
    runs: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
    for number in range(pairs):
        for engine, found in runs.items():
            found.append(timed(folder, there, engine, cutoffs, keep=number == 0))
            print(f"{engine:14}" + "  ".join(f"{name} {found[-1][name]:,.2f}" for name in SHOWN), flush=True)
    cells = in_a_process("differing", folder=folder, engines=engines)
    print(f"\n{'':14}{'s':>9}{'CPU s':>9}{'MiB':>9}{'ratio':>9}   cells that differ, of {cells['cells']:,} ({cells['filled']:,} not 0)")
    first = runs[engines[0]]
    for engine, found in runs.items():
        ratio = median(theirs["seconds"] / mine["seconds"] for theirs, mine in zip(found, first, strict=True))
        middle = "".join(f"{median(one[name] for one in found):9,.{digits}f}" for name, digits in SHOWN.items())
        print(f"{engine:14}{middle}{ratio:9.1f}   {cells['differing'].get(engine, '')}")
    if any(cells["differing"].values()):
        raise SystemExit("The engines disagree")


def grow(folder: str, pairs: int) -> None:
    """Least of `pairs` runs each, for what grows is the least that it takes."""
    print("events      cutoffs   s         µs per event")
    for events, cutoffs in [*((events, 20) for events in GROWTH_EVENTS), *((10_000_000, cutoffs) for cutoffs in GROWTH_CUTOFFS)]:
        there = MADE.get(events) or MADE.setdefault(events, in_a_process("make", folder=f"{folder}/{events}", events=events))
        seconds = min(timed(f"{folder}/{events}", there, "kernels", cutoffs, keep=False)["seconds"] for _ in range(pairs))
        print(f"{there['events']:<11,} {cutoffs:7}   {seconds:7.2f}   {1e6 * seconds / there['events']:7.3f}", flush=True)


def timed(folder: str, there: dict[str, Any], engine: str, cutoffs: int, *, keep: bool) -> dict[str, float]:
    return in_a_process("run", place=folder, engine=engine, users=there["users"], few=there["few"], cutoffs=cutoffs, keep=keep)


STEPS = {"make": make, "run": run, "differing": differing}
SHOWN = {"seconds": 2, "cpu_seconds": 2, "mib": 0}
MADE: dict[int, dict[str, Any]] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--cutoffs", type=int, default=20)
    parser.add_argument("--engines", default=",".join(NAMES))
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--step", nargs=2)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step[0]](**json.loads(given.step[1]))))
        return
    with TemporaryDirectory() as folder:
        if given.growth:
            grow(folder, given.pairs)
        else:
            compare(f"{folder}/events", given.events, given.cutoffs, given.engines.split(","), given.pairs)


if __name__ == "__main__":
    main()
