"""A stand-in for the reference: plain aggregates after its description, for cutoffs that the reference has no scores at.

Per event type (a post is a question or an answer): recency, counts, active days and value in windows of 7 to 180 days, and the mean,
deviation and last of the gaps. The lines of an invoice are one event. Written with group-bys, apart from `features`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS, Cutoff
from features.feature import Floats

WINDOWS = (7, 14, 30, 60, 90, 180)


def plain_events(events: pa.Table) -> pl.DataFrame:
    """One row per invoice, or per event without one: user_id, kind, micros, value (in the source's unit)."""
    rows = pl.DataFrame(events).select(
        "user_id",
        kind=pl.coalesce("category", "event_type"),
        micros=pl.col("event_time").dt.epoch("us"),
        value=pl.col("value").fill_null(0) / VALUE_SCALE,
        visit=pl.coalesce("session_id", "event_id"),
    )
    visits = rows.group_by("user_id", "kind", "visit").agg(pl.col("micros").min(), pl.col("value").sum())
    return visits.sort("user_id", "kind", "micros", "visit")


def aggregates(visits: pl.DataFrame, users: Floats, cutoff: Cutoff) -> Floats:
    """(U, F) of these user ids at the cutoff, NaN where undefined; the same columns at every cutoff."""
    seen = visits.filter(pl.col("micros") < cutoff.micros).with_columns(age=(cutoff.micros - pl.col("micros")) / DAY_MICROS)
    table = pl.DataFrame({"user_id": users.astype(str)})
    for kind in (None, *sorted(visits["kind"].unique())):
        of_kind = seen if kind is None else seen.filter(pl.col("kind") == kind)
        found = of_kind.sort("user_id", "micros").group_by("user_id", maintain_order=True).agg(_columns())
        table = table.join(found, on="user_id", how="left", maintain_order="left", suffix=f"_{kind}")
    return np.ascontiguousarray(table.drop("user_id").to_numpy().astype(np.float64))


def _columns() -> list[pl.Expr]:
    gap = pl.col("micros").diff() / DAY_MICROS
    columns = [
        pl.col("age").min().alias("recency"),
        pl.col("age").max().alias("tenure"),
        gap.mean().alias("gap_mean"),
        gap.std().alias("gap_deviation"),
        gap.last().alias("gap_last"),
    ]
    for days in WINDOWS:
        inside = pl.col("age") <= days
        columns += [
            inside.sum().alias(f"count_{days}"),
            pl.col("age").filter(inside).floor().n_unique().alias(f"active_days_{days}"),
            pl.col("value").filter(inside).sum().alias(f"value_{days}"),
        ]
    return columns
