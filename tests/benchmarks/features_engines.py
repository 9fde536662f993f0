"""The same windows by several engines, each from what it stores best.

kernels         `features.windowed` over `observe`, bucket by bucket, from the lake's timelines
polars          streaming group-by with filtered aggregations, cutoff by cutoff, from an uncompressed Arrow file sorted by user and time
polars-tuned    the same told that the users are sorted, with the cheapest way found to count
duckdb          filtered aggregates by user, cutoff by cutoff, from its own table sorted by user and time
duckdb-tuned    each event in the shortest window that holds it, each item in its shortest; windows are sums over shorter ones

Each has two threads. It hands over (cutoff, first user, columns): columns are float64 values of users in the order of the lake, spelled
out only if they are looked at. Per window they are the counts of each type, the sum of the values and the distinct items; the last is
the days since the last event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from features.cutoff import DAY_MICROS, Cutoff
from tests.benchmarks.features_events import END, TYPES

WINDOWS = (1, 7, 14, 30, 60, 90, 180)
COLUMNS = [f"{what}_{days}" for days in WINDOWS for what in (*(f"type{code}" for code in range(len(TYPES))), "sum", "items")] + ["recency"]
THREADS = 2
USERS_PER_BLOCK = 300
"""Then the results of a block stay in the processor's cache."""

Piece = tuple[int, int, Iterator[np.ndarray]]
Keep = Callable[[Piece], object]


def weekly(count: int) -> list[Cutoff]:
    return [END.plus_days(-7 * back) for back in range(count - 1, -1, -1)]


def kernels(folder: Path, users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    from features.definition import Definition
    from pipeline import timelines
    from pipeline.lake import Lake

    lake, wanted = Lake(str(folder / "lake")), Definition(TYPES, WINDOWS, WINDOWS[-1])
    version = lake.version("timelines") or 0

    def bucket(number: int) -> None:
        first = sum(users[:number])
        for block in timelines.blocks(lake, number, TYPES, version, users=USERS_PER_BLOCK):
            found = _windows(block, cutoffs, wanted)
            for c in range(len(cutoffs)):
                keep((c, first, _columns(found, c)))
            first += block.users

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(bucket, range(len(users))))


def _windows(block: Any, cutoffs: Sequence[Cutoff], wanted: Any) -> tuple[np.ndarray, ...]:
    from features.observation import observe
    from features.recency import recency
    from features.windowed import counts, distinct, sums

    seen = observe(block, cutoffs, wanted)
    together = replace(seen.events, event_type=np.zeros_like(seen.events.event_type), event_types=("any",))
    of_any_type = sums(replace(seen, events=together), seen.events.value)
    return counts(seen), of_any_type, distinct(seen, seen.events.item), next(recency(seen)).values


def _columns(found: tuple[np.ndarray, ...], c: int) -> Iterator[np.ndarray]:
    number, total, items, since = found
    for window in range(len(WINDOWS)):
        yield from (number[code + 1, window, c].astype(np.float64) for code in range(len(TYPES)))
        yield total[0, window, c].astype(np.float64)
        yield items[window, c].astype(np.float64)
    yield since[c]


def polars(folder: Path, users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    import polars as pl

    def count(of_window: pl.Expr, code: int) -> pl.Expr:
        return (of_window & (pl.col("event_type") == code)).sum()

    _polars(pl.scan_ipc(folder / "events.arrow"), count, users, cutoffs, keep)


def polars_tuned(folder: Path, users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    import polars as pl

    def count(of_window: pl.Expr, code: int) -> pl.Expr:
        return pl.col("event_type").filter(of_window & (pl.col("event_type") == code)).len()

    _polars(pl.scan_ipc(folder / "events.arrow").set_sorted("user"), count, users, cutoffs, keep)


def _polars(events: Any, count: Callable[[Any, int], Any], users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    import polars as pl

    time = pl.col("event_time")
    for c, cutoff in enumerate(cutoffs):
        instant = cutoff.micros
        wanted = [(pl.lit(instant) - time.max()).alias("recency")]
        for days in WINDOWS:
            within = time >= instant - days * DAY_MICROS
            wanted += [count(within, code).alias(f"type{code}_{days}") for code in range(len(TYPES))]
            wanted.append(pl.col("value").filter(within).sum().alias(f"sum_{days}"))
            wanted.append(pl.col("item").filter(within).n_unique().alias(f"items_{days}"))
        visible = (time < instant) & (time >= instant - WINDOWS[-1] * DAY_MICROS) & (pl.col("available_at") <= instant)
        found = events.filter(visible).group_by("user").agg(wanted).collect(engine="streaming")
        keep((c, 0, _spread(lambda name, found=found: found[name].to_numpy(), sum(users))))


def duckdb(folder: Path, users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    _duckdb(folder, _aggregates, users, cutoffs, keep)


def duckdb_tuned(folder: Path, users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    _duckdb(folder, _segments, users, cutoffs, keep)


def _duckdb(folder: Path, query: Callable[[int], str], users: Sequence[int], cutoffs: Sequence[Cutoff], keep: Keep) -> None:
    import duckdb as engine

    settings = {"threads": THREADS, "memory_limit": "12GB", "preserve_insertion_order": False}
    with engine.connect(str(folder / "events.duckdb"), read_only=True, config=settings) as database:
        for c, cutoff in enumerate(cutoffs):
            found = database.sql(query(cutoff.micros)).to_arrow_table()
            keep((c, 0, _spread(lambda name, found=found: found[name].fill_null(0).to_numpy(), sum(users))))


def _visible(instant: int) -> str:
    return f"event_time < {instant} AND event_time >= {instant - WINDOWS[-1] * DAY_MICROS} AND available_at <= {instant}"


def _aggregates(instant: int) -> str:
    wanted = [f"{instant} - max(event_time) AS recency"]
    for days in WINDOWS:
        within = f"event_time >= {instant - days * DAY_MICROS}"
        wanted += [f"count(*) FILTER ({within} AND event_type = {code}) AS type{code}_{days}" for code in range(len(TYPES))]
        wanted.append(f"sum_no_overflow(value) FILTER ({within}) AS sum_{days}")
        wanted.append(f"count(DISTINCT item) FILTER ({within}) AS items_{days}")
    return f"SELECT user, {', '.join(wanted)} FROM events WHERE {_visible(instant)} GROUP BY user"


def _segments(instant: int) -> str:
    place = " + ".join(f"(event_time < {instant - days * DAY_MICROS})::UTINYINT" for days in WINDOWS[:-1])
    wanted, items = [f"{instant} - max(event_time) AS recency"], []
    for window, days in enumerate(WINDOWS):
        wanted += [f"count(*) FILTER (place <= {window} AND event_type = {code}) AS type{code}_{days}" for code in range(len(TYPES))]
        wanted.append(f"sum_no_overflow(value) FILTER (place <= {window}) AS sum_{days}")
        items.append(f"count(*) FILTER (place <= {window}) AS items_{days}")
    return f"""
        WITH placed AS (SELECT *, {place} AS place FROM events WHERE {_visible(instant)}),
             firsts AS (SELECT user, item, min(place) AS place FROM placed GROUP BY user, item)
        SELECT * FROM (SELECT user, {", ".join(wanted)} FROM placed GROUP BY user)
                 JOIN (SELECT user, {", ".join(items)} FROM firsts GROUP BY user) USING (user)"""


def _spread(column: Callable[[str], np.ndarray], users: int) -> Iterator[np.ndarray]:
    """Every user, also those whom a group-by has not met: nothing counted, no last event."""
    place = column("user")
    for name in COLUMNS:
        values = np.full(users, np.nan) if name == "recency" else np.zeros(users)
        values[place] = column(name) / DAY_MICROS if name == "recency" else column(name)
        yield values


ENGINES: dict[str, Callable[[Path, Sequence[int], Sequence[Cutoff], Keep], None]] = {
    "kernels": kernels,
    "polars": polars,
    "polars-tuned": polars_tuned,
    "duckdb": duckdb,
    "duckdb-tuned": duckdb_tuned,
}
